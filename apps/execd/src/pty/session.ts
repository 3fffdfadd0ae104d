import type { Clock, Scope } from '@opensandbox/base';
import { Fault, sleep } from '@opensandbox/base';
import { createReplayRing, errorText, exitNumber } from '@opensandbox/process';
import { Client } from './client.ts';
import type { WebSocketRelay } from '../proxy/web-socket-relay.ts';
import type { ClientFrame, OutputName } from './frames.ts';
import { connectedFrame, pongFrame, replayFrame } from './frames.ts';
import type { Mode, Program, StartProgram, TerminalSize } from './program.ts';

const REPLAY_BYTES = 1024 * 1024;
const FIRST_SIZE: TerminalSize = { cols: 80, rows: 24 };
/** How long after its last input a program may be about to end without having been told. */
const ENDING_MS = 250;

const CLOSE = { takenOver: 4001, goingAway: 1001 } as const;

export interface SessionDeps {
  readonly clock: Clock;
  readonly scope: Scope;
  readonly start: StartProgram;
  /** The session got or lost its client or its program. */
  readonly onChange: () => void;
}

export interface SessionRequest {
  readonly id: string;
  readonly cwd: string;
  readonly command: string;
}

export interface ConnectRequest {
  readonly mode: Mode;
  /** Offset of the first byte that the client has not seen. */
  readonly since: number;
  readonly takesOver: boolean;
  /** Start the program anew when it has ended, or tell its end again. */
  readonly restarts: boolean;
}

/** A shell that outlives its connections. It has one client at a time and remembers its last output. */
export class PtySession {
  readonly #deps: SessionDeps;
  readonly #request: SessionRequest;
  #ring = createReplayRing(REPLAY_BYTES);
  /** The offset of the first byte that the ring was given. */
  #ringStart = 0;
  /** Who holds the only place, from the handshake on. */
  #client: Client | undefined;
  /** The client that has been sent the output so far, and gets what comes. */
  #attached: Client | undefined;
  #program: Program | undefined;
  #starting: Promise<Program> | undefined;
  #last: { readonly mode: Mode; readonly exitCode: number } | undefined;
  #size = FIRST_SIZE;
  #isDestroyed = false;

  constructor(deps: SessionDeps, request: SessionRequest) {
    this.#deps = deps;
    this.#request = request;
  }

  get id(): string {
    return this.#request.id;
  }

  get isRunning(): boolean {
    return this.#program !== undefined;
  }

  get isIdle(): boolean {
    return this.#client === undefined && this.#program === undefined && this.#starting === undefined;
  }

  /** Bytes of output since the session was made, those of ended programs included. */
  get outputOffset(): number {
    return this.#ringStart + this.#ring.total;
  }

  /** How many bytes are kept to be replayed. */
  get replayBytes(): number {
    return Math.min(this.#ring.total, REPLAY_BYTES);
  }

  /** Gives up what could be replayed. Offsets go on. */
  dropReplay(): void {
    this.#ringStart += this.#ring.total;
    this.#ring = createReplayRing(REPLAY_BYTES);
  }

  /**
   * Gives the place to a new client. Nothing is awaited between looking at the place and taking it, and who held it
   * is sent away only when the new handshake has succeeded.
   */
  connect(
    request: ConnectRequest,
    upgrade: (relay: WebSocketRelay) => boolean,
  ): 'connected' | 'busy' | 'refused' {
    const previous = this.#client;
    if (previous !== undefined && !request.takesOver) return 'busy';
    const client = new Client(this.#deps.clock, {
      opened: (opened) => this.#deps.scope.run('pty.join', () => this.#join(opened, request)),
      frame: (from, frame) => this.#take(from, frame),
      closed: (closed) => this.#leave(closed),
    });
    this.#client = client;
    if (!upgrade(client.relay)) {
      this.#client = previous;
      return 'refused';
    }
    if (this.#attached === previous) this.#attached = undefined;
    previous?.end(CLOSE.takenOver, 'TAKEN_OVER');
    this.#deps.onChange();
    return 'connected';
  }

  /** Ends the program; its client is told as ever. */
  destroy(): void {
    this.#isDestroyed = true;
    if (this.#program === undefined) this.#client?.end(CLOSE.goingAway, 'session deleted');
    this.#program?.kill();
  }

  /** Ends the program because the agent ends. */
  stop(): void {
    this.#isDestroyed = true;
    this.#client?.end(CLOSE.goingAway, 'the agent stops');
    this.#program?.kill();
  }

  async #join(client: Client, request: ConnectRequest): Promise<void> {
    const ended = this.#program === undefined && !request.restarts ? this.#last : undefined;
    if (ended !== undefined) {
      this.#attach(client, ended.mode, request.since);
      this.#release(client);
      client.exit(ended.exitCode);
      return;
    }
    let program: Program;
    try {
      program = await this.#started(request.mode);
    } catch (error) {
      this.#release(client);
      client.fail('START_FAILED', reasonOf(error));
      return;
    }
    if (this.#client !== client) return; // taken over, or gone, while the program was being started
    this.#attach(client, program.mode, request.since);
    if (this.#program === program) return;
    this.#release(client);
    client.exit(this.#last?.exitCode ?? -1);
  }

  /** Earlier output and what comes: nothing is awaited between the two, so none is lost and none comes twice. */
  #attach(client: Client, mode: Mode, since: number): void {
    const { offset, bytes } = this.#ring.since(since - this.#ringStart);
    if (bytes.length > 0) client.replay(replayFrame(this.#ringStart + offset, bytes));
    client.tell(connectedFrame(this.id, mode));
    this.#attached = client;
    for (const frame of client.early.splice(0)) this.#take(client, frame);
    if (this.#program?.input.isFull === true) client.isPaused = true;
  }

  #started(mode: Mode): Promise<Program> {
    if (this.#program !== undefined) return Promise.resolve(this.#program);
    this.#starting ??= this.#start(mode).finally(() => {
      this.#starting = undefined;
      this.#deps.onChange();
    });
    return this.#starting;
  }

  async #start(mode: Mode): Promise<Program> {
    const { cwd, command } = this.#request;
    const program = await this.#deps.start(
      { mode, cwd, command, size: this.#size },
      {
        onRoom: () => {
          if (this.#client !== undefined) this.#client.isPaused = false;
        },
        onFailure: (error) => this.#deps.scope.run('pty.input', () => this.#inputFailed(program, error)),
      },
    );
    this.#program = program;
    if (this.#isDestroyed) program.kill();
    this.#deps.scope.run('pty.program', () => this.#follow(program));
    return program;
  }

  async #follow(program: Program): Promise<void> {
    try {
      await program.readOutput((name, bytes) => this.#deliver(name, bytes));
    } catch (error) {
      program.kill(); // nobody would read what it writes
      throw error;
    } finally {
      const exitCode = exitNumber(await program.exited);
      program.close();
      this.#program = undefined;
      this.#last = { mode: program.mode, exitCode };
      const client = this.#attached;
      if (client !== undefined) this.#release(client);
      client?.exit(exitCode);
      this.#deps.onChange();
    }
  }

  #deliver(name: OutputName, bytes: Uint8Array): Promise<void> {
    this.#ring.push(bytes);
    return this.#attached?.output(name, bytes) ?? Promise.resolve();
  }

  #take(client: Client, frame: ClientFrame): void {
    if (client !== this.#client) return;
    if (client !== this.#attached) {
      client.early.push(frame);
      return;
    }
    const program = this.#program;
    switch (frame.kind) {
      case 'stdin':
        program?.input.push(frame.bytes);
        if (program?.input.isFull === true) client.isPaused = true;
        break;
      case 'resize':
        this.#size = { cols: frame.cols, rows: frame.rows };
        program?.resize(this.#size);
        break;
      case 'signal':
        program?.signal(frame.name);
        break;
      case 'ping':
        client.tell(pongFrame());
        break;
      case 'unknown':
        client.refuse(frame.type);
        break;
      case 'ignored':
        break;
    }
  }

  /** A program that ends closes its input first: then its end is told and not that it does not read. */
  async #inputFailed(program: Program, error: unknown): Promise<void> {
    const end = program.exited.then(() => true);
    const wait = sleep(this.#deps.clock, ENDING_MS, this.#deps.scope.signal).then(() => false);
    if (await Promise.race([end, wait])) return;
    if (this.#program === program) this.#attached?.fail('STDIN_WRITE_FAILED', reasonOf(error));
  }

  /** Frees the place: whoever comes next need not take over. */
  #release(client: Client): void {
    if (this.#client === client) this.#client = undefined;
    if (this.#attached === client) this.#attached = undefined;
    this.#deps.onChange();
  }

  #leave(client: Client): void {
    if (this.#client === client) this.#release(client);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Fault ? error.message : errorText(error);
}
