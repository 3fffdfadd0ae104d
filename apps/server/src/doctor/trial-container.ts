import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { Fault, UndoStack } from '@opensandbox/base';
import { pack } from 'tar-stream';
import { valueAt } from '../config/key-tree.ts';
import type { EngineAnswer, SendToEngine } from './engine-http.ts';
import { buildListener } from './listener.ts';
import type { ListenerTarget } from './listener.ts';

const LABEL = 'opensandbox.io/auxiliary';
const LABEL_VALUE = 'doctor';
const REPOSITORY = 'opensandbox-doctor';
/** What is older than this was left by a doctor that did not come to its end. */
const LEFT_AFTER_SECONDS = 300;

export interface TrialWish {
  readonly target: ListenerTarget;
  /** The port that the listener takes in its network. */
  readonly port: number;
  readonly networkMode: string;
  readonly publishAddress: string;
}

/** The engine's answer to an inspect of the container that runs. */
export type UseTrial<T> = (inspect: unknown) => Promise<T>;

/**
 * Runs a container that listens, made like a sandbox as far as the network is concerned, and removes it and its image
 * again. It needs no image to be there: its own is a file of some hundred bytes.
 */
export async function withTrialContainer<T>(
  send: SendToEngine,
  wish: TrialWish,
  use: UseTrial<T>,
  signal: AbortSignal,
): Promise<T> {
  const name = `${REPOSITORY}-${randomBytes(6).toString('hex')}`;
  const image = `${REPOSITORY}:${name}`;
  const forever = new AbortController().signal;
  const left: string[] = [];
  const remove = async (path: string): Promise<void> => {
    const { status } = await send({ method: 'DELETE', path }, forever);
    if (status >= 400 && status !== 404) left.push(path);
  };
  await using undo = new UndoStack((step) => left.push(step));
  undo.add('image', () => remove(`/images/${image}?force=1`));
  await expectStatus(importImage(send, image, wish, signal));
  undo.add('container', () => remove(`/containers/${name}?force=1&v=1`));
  const body = draft(image, wish);
  await expectStatus(send({ method: 'POST', path: '/containers/create', query: { name }, body }, signal));
  await expectStatus(send({ method: 'POST', path: `/containers/${name}/start` }, signal));
  const inspect = await expectStatus(send({ method: 'GET', path: `/containers/${name}/json` }, signal));
  return await use(inspect.body);
}

function importImage(
  send: SendToEngine,
  image: string,
  { target, port }: TrialWish,
  signal: AbortSignal,
): Promise<EngineAnswer> {
  const archive = pack();
  archive.entry({ name: 'listener', mode: 0o755 }, buildListener(target, port));
  archive.finalize();
  const [repo = '', tag = ''] = image.split(':');
  const query = { fromSrc: '-', repo, tag };
  // The archive is complete already; as a Node stream of its own it has the errors of one.
  return send({ method: 'POST', path: '/images/create', query, tar: Readable.from(archive) }, signal);
}

function draft(image: string, { port, networkMode, publishAddress }: TrialWish): object {
  const spec = `${port}/tcp`;
  const isPublished = networkMode !== 'host';
  return {
    Image: image,
    Entrypoint: ['/listener'],
    Labels: { [LABEL]: LABEL_VALUE },
    ...(isPublished ? { ExposedPorts: { [spec]: {} } } : {}),
    HostConfig: {
      NetworkMode: networkMode,
      CapDrop: ['ALL'],
      ReadonlyRootfs: true,
      ...(isPublished ? { PortBindings: { [spec]: [{ HostIp: publishAddress, HostPort: '' }] } } : {}),
    },
  };
}

async function expectStatus(asking: Promise<EngineAnswer>): Promise<EngineAnswer> {
  const answer = await asking;
  if (answer.status < 400) return answer;
  const said = valueAt(answer.body, ['message']);
  const text = typeof said === 'string' ? said : `status ${answer.status}`;
  throw new Fault('internal', 'engine.failed', text);
}

/** Removes what earlier doctors that were killed left behind. */
export async function removeOldTrials(
  send: SendToEngine,
  engineNow: number,
  signal: AbortSignal,
): Promise<void> {
  const filters = JSON.stringify({ label: [`${LABEL}=${LABEL_VALUE}`] });
  const answer = await send(
    { method: 'GET', path: '/containers/json', query: { all: '1', filters } },
    signal,
  );
  for (const found of Array.isArray(answer.body) ? (answer.body as unknown[]) : []) {
    const [id, image, created] = ['Id', 'Image', 'Created'].map((key) => valueAt(found, [key]));
    if (typeof created !== 'number' || engineNow / 1000 - created < LEFT_AFTER_SECONDS) continue;
    await send({ method: 'DELETE', path: `/containers/${String(id)}?force=1&v=1` }, signal);
    if (typeof image === 'string' && image.startsWith(`${REPOSITORY}:`)) {
      await send({ method: 'DELETE', path: `/images/${image}?force=1` }, signal);
    }
  }
}
