import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Architecture } from './parts.ts';

export interface NewImage {
  readonly architecture: Architecture;
  /** What the image holds. */
  readonly root: string;
  readonly tag: string;
}

/**
 * Gives the engine an image of one layer, as `Dockerfile` describes it. Engines whose builder is the old one would
 * otherwise say that it is for their own processor.
 */
export function loadImage(image: NewImage): void {
  const directory = mkdtempSync(join(tmpdir(), 'execd-image-'));
  try {
    const layer = join(directory, 'layer.tar');
    // The same content is the same layer, whenever and by whomever it is made.
    const same = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
    run('tar', [...same, '-C', image.root, '-cf', layer, '.']);
    writeFileSync(join(directory, 'config.json'), JSON.stringify(configOf(image, readFileSync(layer))));
    writeFileSync(
      join(directory, 'manifest.json'),
      JSON.stringify([{ Config: 'config.json', RepoTags: [nameWithTag(image.tag)], Layers: ['layer.tar'] }]),
    );
    const archive = join(directory, 'image.tar');
    run('tar', ['-C', directory, '-cf', archive, 'manifest.json', 'config.json', 'layer.tar']);
    run('docker', ['load', '--quiet', '--input', archive]);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function configOf(image: NewImage, layer: Buffer): object {
  return {
    architecture: image.architecture,
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: {
      Entrypoint: ['./execd'],
      WorkingDir: '/',
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      ExposedPorts: { '44772/tcp': {} },
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${createHash('sha256').update(layer).digest('hex')}`] },
  };
}

function nameWithTag(name: string): string {
  return /:[^/]+$/.test(name) ? name : `${name}:latest`;
}

function run(program: string, args: readonly string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}
