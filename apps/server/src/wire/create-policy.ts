/** What the configuration says about creates, as far as the request alone decides by it. */
export interface CreatePolicy {
  /** `docker.network_mode`; undefined for a runtime without one. */
  readonly networkMode: string | undefined;
  /** `egress.image`. */
  readonly egressImage: string | undefined;
  /** `storage.allowed_host_paths`; with none, every host volume is refused. */
  readonly allowedHostPaths: readonly string[];
}
