import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expandHome } from '../config/expand-paths.ts';
import type { KeyNode } from '../config/key-tree.ts';
import { renderSkeleton } from './skeleton.ts';

export const EXAMPLES = ['docker', 'docker-zh', 'k8s', 'k8s-zh'] as const;
export type ExampleKind = (typeof EXAMPLES)[number];

export interface InitConfigRequest {
  readonly path: string | undefined;
  readonly example: ExampleKind | undefined;
  readonly force: boolean;
}

export interface InitConfigDeps {
  readonly homeDir: string;
  readonly examplesDir: URL;
  readonly tree: KeyNode;
  readonly print: (text: string) => void;
}

/** Writes a configuration file; resolves with the exit code. */
export function initConfig(request: InitConfigRequest, deps: InitConfigDeps): number {
  const path = expandHome(request.path ?? '~/.sandbox.toml', deps.homeDir);
  try {
    if (existsSync(path) && !request.force) {
      deps.print(
        `Failed to write config template: Config file already exists at ${path}. Use --force to overwrite.\n\n`,
      );
      return 1;
    }
    mkdirSync(dirname(path), { recursive: true });
    // The file will hold the API key.
    writeFileSync(path, template(request.example, deps), { mode: 0o600 });
  } catch (error) {
    deps.print(
      `Failed to write config template: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    return 1;
  }
  const what = request.example === undefined ? 'full config skeleton' : `example config (${request.example})`;
  deps.print(`Wrote ${what} to ${path}\n\n`);
  return 0;
}

function template(example: ExampleKind | undefined, deps: InitConfigDeps): Buffer | string {
  if (example === undefined) return renderSkeleton(deps.tree);
  return readFileSync(new URL(`${example}.toml`, deps.examplesDir));
}
