/**
 * Fails when an import goes against layers.json, when files import each other in a circle (type-only imports
 * count), when a package is used that its package.json does not declare, or when a file name says nothing.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { findCycles } from './import-cycles.ts';

interface Unit {
  readonly imports: readonly string[];
  readonly onlyPorts?: readonly string[];
  readonly compose?: { readonly file: string; readonly imports: readonly string[] };
  readonly node?: boolean;
}
interface Layers {
  readonly units: Readonly<Record<string, Unit>>;
  readonly tests: { readonly imports: readonly string[] };
  readonly forbiddenNames: readonly string[];
}
interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}
interface Import {
  readonly from: string;
  readonly specifier: string;
}

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const layers = readJson<Layers>('layers.json');
const manifests = new Map(
  Object.keys(layers.units).map((unit) => [unit, readJson<Manifest>(`${unit}/package.json`)]),
);
const unitOfPackage = new Map([...manifests].map(([unit, manifest]) => [manifest.name, unit]));
const rootDevDependencies = readJson<Manifest>('package.json').devDependencies ?? {};
const problems: string[] = [];

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(join(root, path), 'utf8')) as T;
}

function sourceFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !/(^|\/)(node_modules|dist|coverage)\//.test(path));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const info = ts.preProcessFile(text, true, true);
  return info.importedFiles.map((reference) => ({ from: file, specifier: reference.fileName }));
}

function isTest(file: string): boolean {
  return file.endsWith('.test.ts') || /^[^/]+\/[^/]+\/test\//.test(file);
}

function packageNameOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function checkWorkspaceImport(unitName: string, unit: Unit, use: Import, target: string): void {
  if (target === unitName) return;
  const fail = (why: string): number => problems.push(`${use.from}: ${use.specifier}: ${why}`);
  if (unit.compose?.imports.includes(target) === true) {
    if (use.from !== unit.compose.file && !isTest(use.from))
      fail(`only ${unit.compose.file} may import ${target}`);
    return;
  }
  const allowed = [...unit.imports, ...(isTest(use.from) ? layers.tests.imports : [])];
  if (!allowed.includes(target)) fail(`${unitName} may not import ${target}`);
  const portsOnly = unit.onlyPorts?.includes(target) === true && !isTest(use.from);
  const parts = use.specifier.split('/').slice(2).join('/');
  if (portsOnly && parts !== 'ports') fail(`${unitName} may import only ${target}/ports`);
  if (!portsOnly && parts !== '' && parts !== 'ports') fail('deep import: use the package name');
}

function checkExternalImport(unitName: string, unit: Unit, use: Import): void {
  const name = packageNameOf(use.specifier);
  if (use.specifier.startsWith('node:') || builtinModules.includes(name)) {
    if (unit.node !== true && !isTest(use.from))
      problems.push(`${use.from}: ${unitName} may not import ${use.specifier}`);
    return;
  }
  const manifest = manifests.get(unitName);
  const declared = { ...manifest?.dependencies, ...manifest?.peerDependencies, ...manifest?.devDependencies };
  const known = name in declared || name === 'bun' || (isTest(use.from) && name in rootDevDependencies);
  if (!known) problems.push(`${use.from}: ${name} is not a dependency of ${unitName}`);
}

function checkImport(unitName: string, unit: Unit, use: Import): string | undefined {
  if (use.specifier.startsWith('.')) {
    const target = relative(root, resolve(root, dirname(use.from), use.specifier));
    if (!target.startsWith(`${unitName}/`)) problems.push(`${use.from}: ${use.specifier} leaves ${unitName}`);
    return target;
  }
  const target = unitOfPackage.get(packageNameOf(use.specifier));
  if (target === undefined) checkExternalImport(unitName, unit, use);
  else checkWorkspaceImport(unitName, unit, use, target);
  return undefined;
}

const graph = new Map<string, string[]>();
for (const [unitName, unit] of Object.entries(layers.units)) {
  for (const file of sourceFiles(unitName)) {
    const name = file.replace(/^.*\//, '').replace(/(\.test)?\.ts$/, '');
    if (layers.forbiddenNames.includes(name))
      problems.push(`${file}: "${name}" does not say what the file is about`);
    const targets = importsOf(file).map((use) => checkImport(unitName, unit, use));
    graph.set(
      file,
      targets.filter((target) => target !== undefined),
    );
  }
}
for (const cycle of findCycles(graph)) problems.push(`import cycle: ${cycle.join(' -> ')}`);

for (const folder of ['packages', 'drivers', 'apps']) {
  for (const entry of readdirSync(join(root, folder))) {
    if (!(`${folder}/${entry}` in layers.units))
      problems.push(`${folder}/${entry} has no row in layers.json`);
  }
}

if (problems.length > 0) {
  console.error(problems.sort().join('\n'));
  console.error(
    `\n${problems.length} layer problem(s). The rules are in layers.json; CONTRIBUTING.md explains them.`,
  );
  process.exit(1);
}
console.log(`layers: ${graph.size} files, no import against the arrow, no cycle`);
