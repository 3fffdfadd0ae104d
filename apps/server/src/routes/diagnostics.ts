import { Fault } from '@opensandbox/base';
import { rawQuery } from '../request-path.ts';
import { parseDiagnosticEvents, parseDiagnosticLogs, parseDiagnosticSummary } from '../wire/index.ts';
import { type Route, type Routes, idParam } from './route.ts';

/** Reads the query of one diagnostic; what it returns says whether a `scope` was asked for. */
type ReadScope = (rawQuery: string) => string | undefined;

const DIAGNOSTICS: Readonly<Record<string, ReadScope>> = {
  logs: (query) => parseDiagnosticLogs(query).scope,
  events: (query) => parseDiagnosticEvents(query).scope,
  inspect: () => undefined,
  summary: (query) => void parseDiagnosticSummary(query),
};

/** No diagnostics yet. A `scope` is refused before the sandbox is looked up; everything else after it. */
export const diagnosticRoutes: Routes = ({ lifecycle }) =>
  Object.entries(DIAGNOSTICS).map(([name, readScope]): Route => ({
    method: 'GET',
    path: `/sandboxes/:id/diagnostics/${name}`,
    handle: (request) => {
      const scope = readScope(rawQuery(request.raw.url ?? ''));
      if (scope === undefined) lifecycle.get(idParam(request));
      throw new Fault(
        'unsupported',
        'diagnostics.unsupported',
        'The stable Diagnostics API is not implemented by this OpenSandbox server.',
      );
    },
  }));
