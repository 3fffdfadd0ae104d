export type { DockerConfig } from './config.ts';
export { dockerConfig, dockerSection } from './config.ts';
export type { DockerDeps, DockerEnvironment, ExecdDelivery } from './deps.ts';
export { openDockerDriver } from './driver.ts';
