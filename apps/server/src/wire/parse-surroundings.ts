import type {
  CreatePoolRequest,
  CreateSnapshotRequest,
  DiagnosticEventsQuery,
  DiagnosticLogsQuery,
  DiagnosticSummaryQuery,
  MetricsEventRequest,
  UpdatePoolRequest,
} from '@opensandbox/contract';
import {
  createPoolRequest,
  createSnapshotRequest,
  diagnosticEventsQuery,
  diagnosticLogsQuery,
  diagnosticSummaryQuery,
  metricsEventRequest,
  updatePoolRequest,
  validate,
} from '@opensandbox/contract';
import { readQuery } from './query-text.ts';

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

export function parseDiagnosticLogs(rawQuery: string): DiagnosticLogsQuery {
  return validate(diagnosticLogsQuery, readQuery(rawQuery), 'query');
}

export function parseDiagnosticEvents(rawQuery: string): DiagnosticEventsQuery {
  return validate(diagnosticEventsQuery, readQuery(rawQuery), 'query');
}

export function parseDiagnosticSummary(rawQuery: string): DiagnosticSummaryQuery {
  return validate(diagnosticSummaryQuery, readQuery(rawQuery), 'query');
}
