import type {
  CreatePoolRequest,
  CreateSnapshotRequest,
  MetricsEventRequest,
  UpdatePoolRequest,
} from '@opensandbox/contract';
import {
  createPoolRequest,
  createSnapshotRequest,
  metricsEventRequest,
  updatePoolRequest,
  validate,
} from '@opensandbox/contract';

/** Parsers of the routes around sandboxes. They only check shapes: their requests have no domain terms. */

export function parseCreateSnapshot(body: unknown): CreateSnapshotRequest {
  return validate(createSnapshotRequest, body, 'body') ?? { name: undefined };
}

export function parseCreatePool(body: unknown): CreatePoolRequest {
  return validate(createPoolRequest, body, 'body');
}

export function parseUpdatePool(body: unknown): UpdatePoolRequest {
  return validate(updatePoolRequest, body, 'body');
}

export function parseMetricsEvent(body: unknown): MetricsEventRequest {
  return validate(metricsEventRequest, body, 'body');
}
