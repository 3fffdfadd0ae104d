/** Languages that a kernel of a Jupyter server runs. */
const KERNEL_LANGUAGES: ReadonlySet<string> = new Set([
  'bash',
  'go',
  'java',
  'javascript',
  'python',
  'typescript',
]);

export function isKernelLanguage(language: string): boolean {
  return KERNEL_LANGUAGES.has(language);
}

/** Languages that run without a kernel, and so have no contexts. */
export function isLanguageWithoutContexts(language: string): boolean {
  return language === 'command' || language === 'background-command' || language === 'sql';
}
