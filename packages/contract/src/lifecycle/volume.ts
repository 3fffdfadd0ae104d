import { z } from 'zod';
import { boolean, nullable, text, whenClean, wireObject } from '../validation/fields.ts';

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const STORAGE = /^\d+(\.\d+)?(Ki|Mi|Gi|Ti|Pi|Ei)?$/;

export const hostVolumeSchema = wireObject({
  path: text({ pattern: /^(\/|[A-Za-z]:[\\/])/ }).meta({
    description:
      'Absolute path on the host: it starts with `/`, or with a drive such as `C:\\`. It must lie under a prefix that the server allows.',
  }),
});

export const pvcVolumeSchema = wireObject({
  claimName: text({ max: 253, pattern: LABEL }).meta({
    description: 'Name of the volume: a Docker volume, or a PersistentVolumeClaim on Kubernetes.',
  }),
  createIfNotExists: boolean().default(true).meta({ description: 'Makes the volume when there is none.' }),
  deleteOnSandboxTermination: boolean()
    .default(false)
    .meta({ description: 'Removes the volume with the sandbox, if this request made it.' }),
  storageClass: nullable(text()).meta({ description: 'StorageClass of a claim that is made (Kubernetes).' }),
  storage: nullable(text({ pattern: STORAGE })).meta({
    description: 'Size of a claim that is made, such as `10Gi` (Kubernetes).',
  }),
  accessModes: nullable(z.array(text())).meta({
    description: 'Access modes of a claim that is made (Kubernetes).',
  }),
});

const OSSFS_CREDENTIALS = 'OSSFS inline credentials are required: accessKeyId and accessKeySecret.';

export const ossfsVolumeSchema = wireObject({
  bucket: text({ min: 3, max: 63 }).meta({ description: 'Name of the OSS bucket.' }),
  endpoint: text({ min: 1 }).meta({ description: 'Host name of the OSS endpoint.' }),
  version: z
    .literal(['1.0', '2.0'])
    .default('2.0')
    .meta({ description: 'Major version of ossfs to mount with.' }),
  options: nullable(z.array(text())).meta({
    description: 'Further mount options, each without a leading `-`.',
  }),
  accessKeyId: nullable(text({ min: 1 })).meta({ description: 'Access key id. Required.' }),
  accessKeySecret: nullable(text({ min: 1 })).meta({ description: 'Access key secret. Required.' }),
}).refine(
  (ossfs) => ossfs.accessKeyId !== undefined && ossfs.accessKeySecret !== undefined,
  whenClean(OSSFS_CREDENTIALS),
);

type Backends = Readonly<Record<'host' | 'pvc' | 'ossfs', unknown>>;

function backendCount(volume: Backends): number {
  return [volume.host, volume.pvc, volume.ossfs].filter((backend) => backend !== undefined).length;
}

const EXACTLY_ONE = 'Exactly one backend (host, pvc, ossfs) must be specified, but';

export const volumeSchema = wireObject({
  name: text({ max: 63, pattern: LABEL }).meta({ description: 'Name of the volume, unique in the sandbox.' }),
  host: nullable(hostVolumeSchema).meta({ description: 'A directory of the host.' }),
  pvc: nullable(pvcVolumeSchema).meta({ description: 'A named volume of the platform.' }),
  ossfs: nullable(ossfsVolumeSchema).meta({ description: 'A bucket of Alibaba Cloud OSS.' }),
  mountPath: text({ pattern: /^\/.*/ }).meta({ description: 'Absolute path inside the sandbox.' }),
  readOnly: boolean().default(false).meta({ description: 'Mounts without write access.' }),
  subPath: nullable(text()).meta({
    description: 'Relative directory below the backend to mount; for `ossfs` the prefix in the bucket.',
  }),
})
  .refine((volume) => backendCount(volume) > 0, whenClean(`${EXACTLY_ONE} none was provided.`))
  .refine((volume) => backendCount(volume) < 2, whenClean(`${EXACTLY_ONE} multiple were provided.`));

export type Volume = z.output<typeof volumeSchema>;
