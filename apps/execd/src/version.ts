/** Printed by `--version` and in the first line of the log. */
export const VERSION = '0.1.0';
