import { readFileSync } from 'node:fs';

export type WorkspaceMode = 'rw' | 'overlay' | 'ro';

/** A directory of the sandbox that a session sees, and where. */
export interface SpecBind {
  readonly source: string;
  readonly dest: string;
  readonly readonly: boolean;
}

/** What a session is made of, as the agent writes it down for the processes that make it. */
export interface SessionSpec {
  readonly workspace: {
    readonly path: string;
    readonly mode: WorkspaceMode;
    /** Of mode `overlay`: where changes go, and the file system's own directory beside it. */
    readonly upper: string;
    readonly work: string;
  };
  readonly binds: readonly SpecBind[];
  readonly privateTmp: boolean;
  /** Holds the changes of every session; none of them sees it. */
  readonly upperRoot: string;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly userNamespace: boolean;
  /** The environment of what the session runs. */
  readonly env: Readonly<Record<string, string>>;
  /** Where the agent's loader, shell and tools are. */
  readonly libraries: string;
  /** How the agent is started again. */
  readonly self: readonly string[];
  /** Nothing is wanted of the session but to find out whether there can be one. */
  readonly isProbe: boolean;
}

/** Where a session finds what belongs to it: this document and the socket it is talked to through. */
export const INSIDE_DIR = '/run/execd';
export const SPEC_FILE = 'session.json';
export const SOCKET_FILE = 'agent.sock';

/** The first argument of the processes that make a session. */
export const ENTER = 'isolated-enter';
export const SERVE = 'isolated-serve';
export const MAKE_ROOM = 'isolated-make-room';

export function readSpec(directory: string): SessionSpec {
  return JSON.parse(readFileSync(`${directory}/${SPEC_FILE}`, 'utf8')) as SessionSpec; // the agent wrote it
}
