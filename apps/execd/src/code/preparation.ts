/** What a kernel is told before the first code of a context. */
export interface Preparation {
  readonly variables: Readonly<Record<string, string>>;
  /** The directory it goes to; undefined when it stays where it is. */
  readonly cwd: string | undefined;
}

/**
 * Code that sets variables and the directory of a running kernel: Jupyter cannot be told of variables, and reads
 * a directory as one below its own. Undefined when there is nothing to set, or no sure way in this language;
 * kernels of other languages see only the environment that Jupyter itself was started with.
 */
export function preparationCode(language: string, wanted: Preparation): string | undefined {
  const variables = Object.entries(wanted.variables).filter(([name]) => /^[A-Za-z_]\w*$/.test(name));
  if (variables.length === 0 && wanted.cwd === undefined) return undefined;
  if (language === 'python') return pythonCode(variables, wanted.cwd);
  if (language === 'bash') return bashCode(variables, wanted.cwd);
  return undefined;
}

function pythonCode(variables: readonly (readonly [string, string])[], cwd: string | undefined): string {
  // No name of the user's is touched. A string of JSON is one of Python, too.
  const lines = variables.map(([name, value]) => {
    return `__import__("os").environ[${JSON.stringify(name)}] = ${JSON.stringify(value)}`;
  });
  if (cwd !== undefined) lines.push(`__import__("os").chdir(${JSON.stringify(cwd)})`);
  return lines.join('\n');
}

function bashCode(variables: readonly (readonly [string, string])[], cwd: string | undefined): string {
  const lines = variables.map(([name, value]) => `export ${name}=${quoted(value)}`);
  if (cwd !== undefined) lines.push(`cd -- ${quoted(cwd)}`);
  return lines.join('\n');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
