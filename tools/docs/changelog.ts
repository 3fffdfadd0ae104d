import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The changelog from its fragments: one Markdown file per change in `.changes/`, named
 * `<version>-<slug>.md` (or `unreleased-<slug>.md`), whose first line is the title of its entry.
 */
export function renderChangelog(folder: string): string {
  const byVersion = new Map<string, string[]>();
  for (const name of readdirSync(folder).sort()) {
    const match = /^([^-]+)-.+\.md$/.exec(name);
    if (match?.[1] === undefined) continue;
    const [title = '', ...body] = readFileSync(join(folder, name), 'utf8').trim().split('\n');
    const entry = [
      `- **${title.replace(/^#+\s*/, '')}**`,
      ...body.filter((line) => line !== '').map((line) => `  ${line}`),
    ];
    byVersion.set(match[1], [...(byVersion.get(match[1]) ?? []), entry.join('\n')]);
  }
  const versions = [...byVersion.keys()].sort(newestFirst);
  const sections = versions.map(
    (version) => `## ${version}\n\n${(byVersion.get(version) ?? []).join('\n')}\n`,
  );
  return `# Changelog\n\nMade from the fragments in \`.changes/\` by \`npm run docs\`.\n\n${sections.join('\n')}`;
}

function newestFirst(a: string, b: string): number {
  if (a === 'unreleased') return -1;
  if (b === 'unreleased') return 1;
  return b.localeCompare(a, 'en', { numeric: true });
}
