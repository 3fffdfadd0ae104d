/**
 * Settings that are understood but not served. Starting all the same would run sandboxes otherwise than the
 * operator asked for, so the server refuses.
 */
export function unavailableFeature(config: {
  readonly runtime: { readonly type: string };
  readonly renewIntent: { readonly enabled: boolean };
}): string | undefined {
  if (config.runtime.type === 'kubernetes')
    return "runtime.type = 'kubernetes' is not available in this version";
  if (config.renewIntent.enabled) {
    return 'renew_intent.enabled = true is not available in this version; sandboxes would not be prolonged';
  }
  return undefined;
}
