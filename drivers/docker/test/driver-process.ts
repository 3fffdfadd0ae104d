/* A process with nothing but an open driver that observes, for a test that kills it. Reads DOCKER_HOST. */
import { openScope, silentLogger, systemClock } from '@opensandbox/base';
import { dockerConfig, openDockerDriver } from '../src/index.ts';
import { standInAgent } from './docker-harness.ts';

const driver = await openDockerDriver(
  dockerConfig.parse({ network_mode: 'bridge', instance: 'driver-process' }),
  {
    log: silentLogger,
    clock: systemClock(),
    env: { DOCKER_HOST: process.env['DOCKER_HOST'] },
    execd: { image: 'builtin', rootfsDir: await standInAgent(), version: 'driver-process' },
    publishAddress: '127.0.0.1',
  },
  openScope(silentLogger),
);
for await (const event of driver.observe(new AbortController().signal)) {
  if (event.type === 'snapshot') process.stdout.write('observing\n');
}
