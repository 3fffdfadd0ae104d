/**
 * Every code that core and drivers put into a Fault. `apps/server` owns the table that turns them into the
 * public codes and statuses. Add one only when a caller would act differently on it.
 */
export const FAULT_CODES = {
  'sandbox.not_found': 'No sandbox has this id.',
  'sandbox.not_running': 'The sandbox must be running for this.',
  'sandbox.not_paused': 'The sandbox must be paused for this.',
  'sandbox.deleted': 'The sandbox was deleted while the request waited for it.',
  'sandbox.pause_failed': 'The engine refused to pause.',
  'sandbox.resume_failed': 'The engine refused to resume.',
  'sandbox.delete_failed': 'The engine refused to remove.',
  'sandbox.query_failed': 'The engine could not be asked.',
  'sandbox.start_failed': 'The engine could not create or start the sandbox.',
  'image.pull_failed': 'The image could not be pulled or inspected.',
  'agent.start_failed': 'The agent image could not be opened.',
  'agent.distribution_failed': 'The agent could not be put where sandboxes find it.',
  'agent.not_ready': 'The agent did not answer in time.',
  'agent.bootstrap_failed': 'The bootstrap script could not be installed.',
  'entrypoint.invalid': 'The entrypoint is empty or cannot be split.',
  'port.invalid': 'A port is a number from 1 to 65535.',
  'endpoint.unavailable': 'The sandbox has no address for this port.',
  'expiration.in_past': 'A new expiration must lie in the future.',
  'expiration.disabled': 'The sandbox was created without a timeout.',
  'parameter.invalid': 'A parameter is out of its domain.',
  'metadata.invalid': 'A metadata key or value breaks the label grammar.',
  'metadata.reserved': 'A metadata key uses the reserved prefix.',
  'pool.unsupported': 'This runtime has no pools.',
  'feature.unsupported': 'This runtime does not offer the feature.',
  'store.exists': 'The id is already taken.',
  'store.busy': 'The store could not be written in time.',
  'store.failed': 'The store could not be read or written.',
  'engine.unavailable': 'The engine does not answer.',
  'engine.timeout': 'The engine took too long.',
  'engine.failed': 'The engine answered with an error.',
  'operation.cancelled': 'The caller went away.',
  'internal.unexpected': 'A defect.',
} as const satisfies Record<string, string>;

export type FaultCode = keyof typeof FAULT_CODES;
