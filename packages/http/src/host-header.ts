/** A name or IPv4 address, or a bracketed IPv6 address, each with an optional port. No user info, path or space. */
const HOST = /^(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9.])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/** The `Host` header when its syntax is sound, else `undefined`: it ends up in URLs that are handed out. */
export function soundHost(header: string | undefined): string | undefined {
  return header !== undefined && header.length <= 255 && HOST.test(header) ? header : undefined;
}
