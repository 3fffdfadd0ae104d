import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './event-lines.ts';

const PYTHON = '/usr/bin/python3';
const JUPYTER = '/usr/bin/jupyter-server';
export const JUPYTER_TOKEN = 'test-jupyter-token';

/** Why tests with a real Jupyter server cannot run here; undefined when they can. */
export function whyNoJupyter(): string | undefined {
  return existsSync(JUPYTER)
    ? undefined
    : 'no jupyter-server: Debian has it in jupyter-server and python3-ipykernel';
}

export interface JupyterServer extends AsyncDisposable {
  readonly url: string;
  /** What the agent is told of it. */
  readonly env: Readonly<Record<string, string>>;
  readonly log: () => string;
  /** Ends it and its kernels. */
  kill(): Promise<void>;
  /** Starts it again at the same place. */
  start(): Promise<void>;
}

/** A real Jupyter server with real kernels for python and bash, on loopback. */
export async function startJupyter(port: number): Promise<JupyterServer> {
  const directory = mkdtempSync(join(tmpdir(), 'execd-jupyter-'));
  const env = prepare(directory);
  const url = `http://127.0.0.1:${port}`;
  const logPath = join(directory, 'log');
  let child: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    const log = openSync(logPath, 'a');
    const options = ['--allow-root', '--no-browser', '--ServerApp.ip=127.0.0.1', `--ServerApp.port=${port}`];
    const place = [
      `--ServerApp.token=${JUPYTER_TOKEN}`,
      `--ServerApp.root_dir=${join(directory, 'notebooks')}`,
    ];
    child = spawn(PYTHON, [JUPYTER, ...options, ...place, '--ServerApp.port_retries=0'], {
      env,
      stdio: ['ignore', log, log],
      detached: true,
    });
    await eventually(async () => {
      if (child?.exitCode !== null) throw new Error(readFileSync(logPath, 'utf8'));
      const headers = { Authorization: `token ${JUPYTER_TOKEN}` };
      return fetch(`${url}/api/kernelspecs`, { headers }).then(
        (response) => (response.ok ? true : undefined),
        () => undefined,
      );
    }, 30_000);
  };
  const kill = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const ended = once(running, 'exit');
    running.kill('SIGTERM'); // it ends its kernels and then itself
    await ended;
  };
  await start();
  return {
    url,
    env: { JUPYTER_HOST: url, JUPYTER_TOKEN },
    log: () => readFileSync(logPath, 'utf8'),
    kill,
    start,
    async [Symbol.asyncDispose]() {
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function prepare(directory: string): Record<string, string> {
  const data = join(directory, 'data');
  mkdirSync(join(directory, 'notebooks'), { recursive: true });
  const env = {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: directory,
    TMPDIR: directory, // installing a kernel leaves something there
    JUPYTER_DATA_DIR: data,
    JUPYTER_RUNTIME_DIR: join(directory, 'runtime'),
    JUPYTER_CONFIG_DIR: join(directory, 'config'),
    PYTHONWARNINGS: 'ignore',
    PYDEVD_DISABLE_FILE_VALIDATION: '1',
  };
  // The name the reference image gives it; the one that is always there is not used.
  execFileSync(PYTHON, ['-m', 'ipykernel', 'install', '--user', '--name', 'python'], { env, stdio: 'pipe' });
  const bash = join(data, 'kernels', 'bash');
  mkdirSync(bash, { recursive: true });
  const program = join(directory, 'bash_kernel.py');
  writeFileSync(program, BASH_KERNEL);
  const argv = [PYTHON, program, '-f', '{connection_file}'];
  writeFileSync(join(bash, 'kernel.json'), JSON.stringify({ argv, display_name: 'Bash', language: 'bash' }));
  return env;
}

/** Debian has no kernel for bash: a small real one. One shell serves all code of the kernel. */
const BASH_KERNEL = `
import subprocess, uuid
from ipykernel.kernelbase import Kernel
from ipykernel.kernelapp import IPKernelApp

class BashKernel(Kernel):
    implementation = 'bash'
    implementation_version = '1'
    banner = 'bash'
    language_info = {'name': 'bash', 'mimetype': 'text/x-sh', 'file_extension': '.sh'}
    shell = None

    def do_execute(self, code, silent, store_history=True, user_expressions=None, allow_stdin=False):
        if self.shell is None:
            self.shell = subprocess.Popen(['bash'], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                          stderr=subprocess.STDOUT, text=True)
        mark = uuid.uuid4().hex
        self.shell.stdin.write(code + '\\necho ' + mark + ' $?\\n')
        self.shell.stdin.flush()
        status = 0
        for line in self.shell.stdout:
            if line.startswith(mark):
                status = int(line.split()[1])
                break
            if not silent:
                self.send_response(self.iopub_socket, 'stream', {'name': 'stdout', 'text': line})
        if status != 0:
            error = {'ename': '', 'evalue': str(status), 'traceback': []}
            return {'status': 'error', 'execution_count': self.execution_count, **error}
        return {'status': 'ok', 'execution_count': self.execution_count, 'payload': [], 'user_expressions': {}}

IPKernelApp.launch_instance(kernel_class=BashKernel)
`;
