import type { CreateSandboxBody } from '@opensandbox/contract';
import { formatTimestamp } from '@opensandbox/contract';
import type { Sandbox } from '@opensandbox/core';
import { formatExpiry, formatExtensions, formatPlatform, formatStatus } from './format-sandbox.ts';
import type { ParsedCreate } from './parse-create.ts';

/** The answer to a create: no source; metadata and entrypoint exactly as sent, so that `{}` stays `{}`. */
export function formatCreate(sandbox: Sandbox, parsed: ParsedCreate): CreateSandboxBody {
  const { record, status } = sandbox;
  return {
    id: record.id,
    ...formatPlatform(record),
    status: formatStatus(status),
    ...(parsed.metadata === undefined ? {} : { metadata: { ...parsed.metadata } }),
    entrypoint: [...parsed.request.spec.entrypoint],
    ...formatExtensions(record),
    ...formatExpiry(record),
    createdAt: formatTimestamp(record.createdAt),
  };
}
