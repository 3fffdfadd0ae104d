/** What a test may leave behind, by the name that a report gives it. */
export type ThingKind =
  | 'container'
  | 'network'
  | 'volume'
  | 'image'
  | 'image tag'
  | 'mount'
  | 'file'
  | 'process'
  | 'network namespace'
  | 'network link'
  | 'control group'
  | 'listening socket';

export interface Thing {
  readonly kind: ThingKind;
  /** The same thing has the same key in two readings; another one never has. */
  readonly key: string;
  /** What a person looks for. */
  readonly name: string;
}

/** Everything of one moment. */
export type Things = readonly Thing[];
