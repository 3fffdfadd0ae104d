import { Secret } from '@opensandbox/base';
import type { Volume as WireVolume } from '@opensandbox/contract';
import type { Volume, VolumeSource } from '@opensandbox/core';

/** The volumes of a request in domain terms. An empty subPath is none. */
export function parseVolumes(volumes: readonly WireVolume[]): readonly Volume[] {
  return volumes.map((volume) => ({
    name: volume.name,
    mountPath: volume.mountPath,
    readOnly: volume.readOnly,
    subPath: volume.subPath === undefined || volume.subPath === '' ? undefined : volume.subPath,
    source: parseSource(volume),
  }));
}

/** The schema has made sure that there is exactly one. */
function parseSource({ host, pvc, ossfs }: WireVolume): VolumeSource {
  if (host !== undefined) return { kind: 'host', path: host.path };
  if (pvc !== undefined) {
    const { claimName, storageClass, storage, accessModes } = pvc;
    return {
      kind: 'claim',
      claimName,
      createIfMissing: pvc.createIfNotExists,
      deleteWithSandbox: pvc.deleteOnSandboxTermination,
      storageClass,
      storage,
      accessModes,
    };
  }
  const { bucket = '', endpoint = '', version = '2.0', options = [] } = ossfs ?? {};
  const { accessKeyId = '', accessKeySecret = '' } = ossfs ?? {};
  const credentials = { accessKeyId, accessKeySecret: new Secret(accessKeySecret) };
  return { kind: 'ossfs', bucket, endpoint, version, options, credentials };
}
