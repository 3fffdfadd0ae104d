/** Which SDK sent a request, by its `User-Agent`; `unknown` for anything else. */
export interface SdkAgent {
  readonly language: string;
  readonly version: string;
}

const SDK = /OpenSandbox-([a-z0-9]+)-SDK\/(\S+)/i;

export function parseSdkAgent(userAgent: string | undefined): SdkAgent {
  const match = SDK.exec(userAgent ?? '');
  return { language: match?.[1]?.toLowerCase() ?? 'unknown', version: match?.[2] ?? 'unknown' };
}
