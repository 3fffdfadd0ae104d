/** How a process ended: its code, or the signal that killed it. */
export type ProcessExit = { readonly code: number } | { readonly signal: string };

const SIGNAL_TEXT: Readonly<Record<string, string>> = {
  SIGHUP: 'hangup',
  SIGINT: 'interrupt',
  SIGQUIT: 'quit',
  SIGILL: 'illegal instruction',
  SIGTRAP: 'trace/breakpoint trap',
  SIGABRT: 'aborted',
  SIGIOT: 'aborted',
  SIGBUS: 'bus error',
  SIGFPE: 'floating point exception',
  SIGKILL: 'killed',
  SIGUSR1: 'user defined signal 1',
  SIGSEGV: 'segmentation fault',
  SIGUSR2: 'user defined signal 2',
  SIGPIPE: 'broken pipe',
  SIGALRM: 'alarm clock',
  SIGTERM: 'terminated',
  SIGSTKFLT: 'stack fault',
  SIGCHLD: 'child exited',
  SIGCONT: 'continued',
  SIGSTOP: 'stopped (signal)',
  SIGTSTP: 'stopped',
  SIGTTIN: 'stopped (tty input)',
  SIGTTOU: 'stopped (tty output)',
  SIGURG: 'urgent I/O condition',
  SIGXCPU: 'CPU time limit exceeded',
  SIGXFSZ: 'file size limit exceeded',
  SIGVTALRM: 'virtual timer expired',
  SIGPROF: 'profiling timer expired',
  SIGWINCH: 'window changed',
  SIGIO: 'I/O possible',
  SIGPOLL: 'I/O possible',
  SIGPWR: 'power failure',
  SIGSYS: 'bad system call',
};

/** A signal's name for people, as the system prints it: `SIGTERM` is `terminated`. */
export function signalText(name: string): string {
  return SIGNAL_TEXT[name] ?? name;
}

/** The number clients see: the exit code, or -1 after a signal. */
export function exitNumber(exit: ProcessExit): number {
  return 'code' in exit ? exit.code : -1;
}

/** `exit status 3`, `signal: killed`, or nothing after success. */
export function exitText(exit: ProcessExit): string {
  if ('signal' in exit) return `signal: ${signalText(exit.signal)}`;
  return exit.code === 0 ? '' : `exit status ${exit.code}`;
}
