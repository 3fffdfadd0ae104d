/** The hardened runtime that the Docker runtime is to use; `undefined`: the engine's own. */
export function secureRuntime(section: {
  readonly type: string;
  readonly dockerRuntime?: string | undefined;
}): { readonly kind: 'gvisor' | 'kata'; readonly name: string | undefined } | undefined {
  const { type, dockerRuntime } = section;
  return type === 'gvisor' || type === 'kata' ? { kind: type, name: dockerRuntime?.trim() } : undefined;
}
