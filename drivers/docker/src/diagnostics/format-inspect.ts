import type { ContainerInspect, PortBinding } from '../engine/answers.ts';
import { readLabel } from '../labels.ts';
import { LABEL } from '../names.ts';
import { maskLabel, maskText, maskVariable } from './mask.ts';

const LABEL_WIDTH = 16;
const MIB = 1 << 20;
const OURS = 'opensandbox.io/';

/** How a container was made and how it stands, in the layout that people know. */
export function formatInspect(inspect: ContainerInspect): string {
  const lines = [
    ...formatState(inspect),
    '',
    'Resources:',
    ...formatResources(inspect),
    '',
    'Network:',
    ...formatNetworks(inspect),
    '',
    ...formatPorts(inspect),
    'Labels:',
    ...formatLabelLines(inspect),
    '',
    'Environment:',
    ...(inspect.Config.Env ?? []).map((variable) => `  ${oneLine(maskVariable(variable))}`),
  ];
  return `${lines.join('\n')}\n`;
}

export function shortId(id: string): string {
  return id.slice(0, 12);
}

export function nameOf(inspect: ContainerInspect): string {
  return (inspect.Name ?? '').replace(/^\//, '');
}

/** What an engine says may span lines; here everything has one. */
export function oneLine(text: string): string {
  return text.replace(/\s*[\r\n]+\s*/g, ' ');
}

function field(name: string, value: string): string {
  return `${name.padEnd(LABEL_WIDTH)}${value}`;
}

function formatState(inspect: ContainerInspect): readonly string[] {
  const { State: state } = inspect;
  const error = oneLine(maskText(state.Error ?? '')).trim();
  return [
    field('Container ID:', shortId(inspect.Id)),
    field('Name:', nameOf(inspect)),
    field('Image:', readImage(inspect)),
    field('Status:', state.Status ?? 'unknown'),
    field('Running:', truth(state.Running)),
    field('Paused:', truth(state.Paused)),
    field('OOMKilled:', truth(state.OOMKilled)),
    field('Exit Code:', String(state.ExitCode ?? 0)),
    field('Started At:', state.StartedAt ?? ''),
    field('Finished At:', state.FinishedAt ?? ''),
    ...(error === '' ? [] : [field('Error:', error)]),
  ];
}

/** As it was asked for; an engine may have been told an id in its place. */
function readImage({ Config: config, Image: id }: ContainerInspect): string {
  const named = config.Image ?? id ?? '';
  const asked = readLabel(config.Labels ?? {}, LABEL.image);
  return named.startsWith('sha256:') ? (asked ?? named) : named;
}

function formatResources({ HostConfig: host }: ContainerInspect): readonly string[] {
  const { NanoCpus: nanoCpus = 0, Memory: memory = 0 } = host ?? {};
  const pids = host?.PidsLimit ?? 0;
  return [
    ...(nanoCpus > 0 ? [field('  CPU:', `${(nanoCpus / 1e9).toFixed(2)} cores`)] : []),
    ...(memory > 0 ? [field('  Memory:', `${Math.floor(memory / MIB)} MiB`)] : []),
    ...(pids > 0 ? [field('  PIDs Limit:', String(pids))] : []),
  ];
}

function formatNetworks({ NetworkSettings: settings }: ContainerInspect): readonly string[] {
  return Object.entries(settings?.Networks ?? {}).map(
    ([name, network]) => `  ${name}: ${network?.IPAddress ?? ''}`,
  );
}

function formatPorts({ NetworkSettings: settings }: ContainerInspect): readonly string[] {
  const ports = Object.entries(settings?.Ports ?? {});
  if (ports.length === 0) return [];
  const lines = ports.flatMap(([port, bindings]) => formatBindings(port, bindings ?? []));
  return ['Ports:', ...lines, ''];
}

function formatBindings(port: string, bindings: readonly PortBinding[]): readonly string[] {
  if (bindings.length === 0) return [`  ${port} (not bound)`];
  return bindings.map(({ HostIp = '', HostPort = '' }) => `  ${port} -> ${HostIp}:${HostPort}`);
}

/** Our own labels that are empty mean nothing: they only cover those of an image. */
function formatLabelLines({ Config: config }: ContainerInspect): readonly string[] {
  return Object.entries(config.Labels ?? {})
    .filter(([key, value]) => value !== '' || !key.startsWith(OURS))
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, value]) => `  ${oneLine(maskLabel(key, value))}`);
}

function truth(value: boolean | undefined): string {
  return value === true ? 'True' : 'False';
}
