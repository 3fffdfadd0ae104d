/** What Bun offers beyond Node, as far as this folder uses it. Absent where tests run under Node. */
interface BunRuntime {
  gc(force: boolean): void;
  file(path: string): Blob;
}

export function fileRuntime(): BunRuntime | undefined {
  return (globalThis as { readonly Bun?: BunRuntime }).Bun;
}

const BYTES_PER_COLLECTION = 16 * 1024 * 1024;

/**
 * Keeps a long transfer from growing the process. The pieces of a body are garbage as soon as they are written,
 * but the collector sees only their small handles and lets hundreds of them pile up; so it is called by volume.
 */
export function memoryRelief(): (bytes: number) => void {
  const runtime = fileRuntime();
  let sinceLast = 0;
  return (bytes) => {
    sinceLast += bytes;
    if (sinceLast < BYTES_PER_COLLECTION) return;
    sinceLast = 0;
    runtime?.gc(true);
  };
}
