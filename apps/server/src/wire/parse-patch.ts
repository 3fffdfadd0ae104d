import { patchMetadataRequest, validate } from '@opensandbox/contract';

/** A merge patch of the metadata: text sets, `undefined` deletes. */
export function parsePatch(body: unknown): Readonly<Record<string, string | undefined>> {
  return validate(patchMetadataRequest, body, 'body');
}
