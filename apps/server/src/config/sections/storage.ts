import { z } from 'zod';
import { section } from '../fields.ts';

export const storageSection = section({
  allowed_host_paths: z
    .array(z.string())
    .default([])
    .describe('Host directories that requests may mount. Empty: every host mount is refused.'),
  volume_default_size: z.string().default('1Gi').describe('Size of volumes that are made without one.'),
  ossfs_mount_root: z.string().default('/mnt/ossfs').describe('Directory under which OSS mounts are made.'),
});

export const storeSection = section({
  type: z.enum(['sqlite']).default('sqlite').describe('Kind of the store.'),
  path: z
    .string()
    .min(1)
    .default('~/.opensandbox/opensandbox.db')
    .describe('Database file. Its directory is made when missing.'),
});
