import { request } from 'node:http';
import { json } from 'node:stream/consumers';
import type { Thing, Things } from './thing.ts';

interface Container {
  readonly Id: string;
  readonly Names: readonly string[] | null;
  readonly Image: string;
  readonly Status: string;
}
interface Network {
  readonly Id: string;
  readonly Name: string;
}
interface Volumes {
  readonly Volumes: readonly { readonly Name: string }[] | null;
}
interface Image {
  readonly Id: string;
  readonly RepoTags: readonly string[] | null;
}

/** Everything that an engine holds; nothing when none listens at the socket. */
export async function readEngine(socketPath: string): Promise<Things> {
  const ask = <T>(path: string): Promise<T | undefined> => get<T>(socketPath, path);
  const [containers, networks, volumes, images] = await Promise.all([
    ask<readonly Container[]>('/containers/json?all=1'),
    ask<readonly Network[]>('/networks'),
    ask<Volumes>('/volumes'),
    ask<readonly Image[]>('/images/json?all=1'),
  ]);
  return [
    ...(containers ?? []).map(formatContainer),
    ...(networks ?? []).map(({ Id: key, Name: name }): Thing => ({ kind: 'network', key, name })),
    ...(volumes?.Volumes ?? []).map(({ Name: name }): Thing => ({ kind: 'volume', key: name, name })),
    ...(images ?? []).flatMap(formatImage),
  ];
}

function formatContainer({ Id: key, Names: names, Image: image, Status: status }: Container): Thing {
  const name = (names ?? []).map((each) => each.replace(/^\//, '')).join(', ') || key.slice(0, 12);
  return { kind: 'container', key, name: `${name} (${image}, ${status})` };
}

/** An image without a name counts as much as a named one, and each name of it. */
function formatImage({ Id: id, RepoTags: tags }: Image): readonly Thing[] {
  const real = (tags ?? []).filter((tag) => tag !== '<none>:<none>');
  const name = `${id.slice(0, 19)} (${real.join(', ') || 'no name'})`;
  return [
    { kind: 'image', key: id, name },
    ...real.map((tag): Thing => ({ kind: 'image tag', key: `${tag} ${id}`, name: tag })),
  ];
}

/** `undefined` when nobody listens there. An engine that listens and does not answer is an error. */
function get<T>(socketPath: string, path: string): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, path, agent: false, timeout: 30_000 }, (answer) => {
      if (answer.statusCode === 200) resolve(json(answer) as Promise<T>);
      else reject(new Error(`the engine answers ${path} with ${answer.statusCode ?? 0}`));
    });
    asking.once('timeout', () => asking.destroy(new Error(`the engine does not answer ${path}`)));
    asking.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined);
      else reject(error);
    });
    asking.end();
  });
}
