const ARCH_ALIASES: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  'arm64/v8': 'arm64',
  arm64v8: 'arm64',
};

export interface ImagePlatform {
  readonly os: string;
  readonly arch: string;
}

export function normaliseArch(arch: string): string {
  const lower = arch.trim().toLowerCase();
  return ARCH_ALIASES[lower] ?? lower;
}

/** Whether an image of this engine can stand for what is expected. Unknown on either side counts as yes. */
export function matchesPlatform(
  image: { readonly Os?: string; readonly Architecture?: string },
  expected: ImagePlatform | undefined,
): boolean {
  if (expected === undefined) return true;
  const os = image.Os?.trim().toLowerCase() ?? '';
  const arch = normaliseArch(image.Architecture ?? '');
  return (os === '' || os === expected.os) && (arch === '' || arch === expected.arch);
}
