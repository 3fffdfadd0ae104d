import type { Logger } from '@opensandbox/base';
import type { Environment } from './trace-settings.ts';

export interface TracingDeps {
  /** Unless OTEL_SERVICE_NAME says otherwise. */
  readonly service: string;
  readonly version: string;
  readonly env: Environment;
  readonly log: Logger;
  /** Said with everything, beside what OTEL_RESOURCE_ATTRIBUTES says. */
  readonly attributes?: Readonly<Record<string, string>>;
}
