/**
 * Settings that are understood but not served. Starting all the same would run sandboxes otherwise than the
 * operator asked for, so the server refuses.
 */
export function unavailableFeature(config: {
  readonly runtime: { readonly type: string };
}): string | undefined {
  return config.runtime.type === 'kubernetes'
    ? "runtime.type = 'kubernetes' is not available in this version"
    : undefined;
}
