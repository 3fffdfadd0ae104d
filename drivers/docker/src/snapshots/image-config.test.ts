import { describe, expect, it } from 'vitest';
import type { ContainerInspect, ImageInspect } from '../engine/answers.ts';
import { cleanImage, draftConfig, isDraft } from './image-config.ts';

const BASE: ImageInspect = {
  Id: 'sha256:base',
  Os: 'linux',
  Architecture: 'arm64',
  Variant: 'v8',
  Created: '2026-01-01T00:00:00Z',
  Config: {
    Env: ['PATH=/bin', 'LANG=C'],
    Labels: { maintainer: 'somebody' },
    Entrypoint: null,
    Cmd: ['sh'],
  },
  RootFS: { Layers: ['sha256:1', 'sha256:2'] },
};

const CONTAINER: ContainerInspect = {
  Id: 'c1',
  Created: '2026-01-02T00:00:00Z',
  State: {},
  Config: {
    Env: ['PATH=/changed', 'TOKEN=hunter2', 'EMPTY'],
    Labels: {
      'opensandbox.io/id': 'b1',
      'opensandbox.io/egress-auth-token': 't',
      team: 'infra',
      maintainer: 'x',
    },
  },
};

describe('draftConfig', () => {
  it('empties what the container had and its image has not, and gives the rest back', () => {
    expect(draftConfig(CONTAINER, BASE, 's1')).toEqual({
      Env: ['PATH=/bin', 'LANG=C', 'TOKEN=', 'EMPTY='],
      Labels: {
        'opensandbox.io/id': '',
        'opensandbox.io/egress-auth-token': '',
        team: '',
        maintainer: 'somebody',
        'opensandbox.io/auxiliary': 'snapshot-draft',
        'opensandbox.io/snapshot-id': 's1',
      },
      Entrypoint: [],
      Cmd: ['sh'],
    });
  });

  it('empties everything when the image of the container is gone', () => {
    const config = draftConfig(CONTAINER, undefined, 's1');
    expect(config.Env).toEqual(['PATH=', 'TOKEN=', 'EMPTY=']);
    expect(Object.values(config.Labels).filter((value) => value !== '')).toEqual(['snapshot-draft', 's1']);
  });

  it('makes what isDraft knows again', () => {
    const { Labels } = draftConfig(CONTAINER, BASE, 's1');
    expect(isDraft({ Id: 'i', Config: { Labels } })).toBe(true);
    expect(isDraft(BASE)).toBe(false);
    expect(isDraft({ Id: 'i' })).toBe(false);
  });
});

describe('cleanImage', () => {
  const draft: ImageInspect = {
    Id: 'sha256:draft',
    Os: 'linux',
    Architecture: 'arm64',
    Variant: 'v8',
    Created: '2026-01-03T00:00:00Z',
    Config: { Env: ['TOKEN='], Labels: { team: '' } },
    RootFS: { Layers: ['sha256:1', 'sha256:2', 'sha256:3'] },
  };

  it('has the layers of the draft and all the rest of its base', () => {
    expect(cleanImage(draft, BASE, 's1')).toEqual({
      architecture: 'arm64',
      variant: 'v8',
      os: 'linux',
      created: '2026-01-03T00:00:00Z',
      comment: 'snapshot s1',
      config: BASE.Config,
      rootfs: { type: 'layers', diff_ids: ['sha256:1', 'sha256:2', 'sha256:3'] },
      history: [
        { created: '2026-01-01T00:00:00Z', created_by: 'layer of sha256:base' },
        { created: '2026-01-01T00:00:00Z', created_by: 'layer of sha256:base' },
        { created: '2026-01-03T00:00:00Z', created_by: 'snapshot s1' },
      ],
    });
  });

  it('is none of two snapshots with the same files', () => {
    expect(cleanImage(draft, BASE, 's1')).not.toEqual(cleanImage(draft, BASE, 's2'));
  });

  it('is nothing when the engine does not tell what the images are made of', () => {
    expect(cleanImage({ Id: 'i' }, BASE, 's1')).toBeUndefined();
    expect(cleanImage(draft, { Id: 'i' }, 's1')).toBeUndefined();
  });
});
