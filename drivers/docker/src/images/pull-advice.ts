/**
 * What a person can do about a pull that failed. The engine tells it in words alone, its own or those of a registry;
 * nothing but this advice hangs on how they are put.
 */
const ADVICE: readonly (readonly [words: RegExp, advice: string])[] = [
  [/no space left|disk quota/i, "Free some disk space on the engine's host, then create the sandbox again."],
  [/toomanyrequests|rate limit/i, 'Log in at the registry, or wait: it counts pulls.'],
  [
    /unauthorized|authentication required|no basic auth|denied|forbidden/i,
    "Check the image's name and its credentials: image.auth of the request, or docker login on the server.",
  ],
  [
    /no matching manifest|does not match the (specified|expected) platform/i,
    'Ask for a platform that the image has.',
  ],
  [/not found|(manifest|name|tag) unknown|does not exist/i, "Check the image's name, and its tag or digest."],
  [
    /invalid reference|invalid tag|repository name must|could not parse/i,
    "Check how the image's name is written.",
  ],
  [
    /verification failed|digest mismatch|invalid checksum|unexpected EOF.*(tar|gzip)|invalid (tar )?header/i,
    'The registry, or a cache before it, serves damaged data: push the image again or bypass the cache.',
  ],
  [
    /server gave HTTP response to HTTPS/i,
    "Serve the registry over TLS, or list it in the engine's insecure-registries.",
  ],
  [/x509|certificate|tls:/i, "Give the engine the registry's certificate authority, in /etc/docker/certs.d."],
  [
    /no such host|connection refused|connection reset|broken pipe|timeout|timed out|deadline|EOF|unreachable|no route/i,
    "Check that the registry is up and that the engine's host reaches it.",
  ],
  [
    /unexpected (HTTP )?status|internal server error|5\d\d /i,
    'The registry has a problem of its own: try again later.',
  ],
];

const OTHERWISE = "See the engine's log.";

/** The reason as one sentence, and after it what to do. */
export function withAdvice(reason: string): string {
  const advice = ADVICE.find(([words]) => words.test(reason))?.[1] ?? OTHERWISE;
  return `${reason.trim().replace(/[.\s]+$/, '')}. ${advice}`;
}
