import type { LogLevel } from '@opensandbox/log';
import { z } from 'zod';
import { optionalText, section, wholeNumber } from '../fields.ts';

const LEVELS: Readonly<Record<string, LogLevel>> = {
  TRACE: 'debug',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  WARNING: 'warn',
  ERROR: 'error',
  CRITICAL: 'error',
  FATAL: 'error',
};
const NAMES = Object.keys(LEVELS).join(', ');

export const logSection = section({
  level: z
    .string()
    .min(3)
    .refine((name) => Object.hasOwn(LEVELS, name.toUpperCase()), `must be one of ${NAMES}`)
    .transform((name) => LEVELS[name.toUpperCase()] ?? 'info')
    .prefault('INFO')
    .meta({ rule: `one of ${NAMES}, any case` })
    .describe('Least severe level that is written.'),
  format: z
    .enum(['text', 'json'])
    .default('text')
    .describe('text: one readable line an event. json: one JSON object an event.'),
  file_enabled: z.boolean().default(false).describe('Write to files instead of standard output.'),
  file_path: optionalText()
    .meta({ effective: '~/logs/opensandbox/server.log' })
    .describe('File of the server log; used when file_enabled is true.'),
  access_file_path: optionalText()
    .meta({ effective: '~/logs/opensandbox/access.log' })
    .describe('File of the access log; used when file_enabled is true.'),
  file_max_bytes: wholeNumber(1)
    .default(104_857_600)
    .describe('Size from which on a log file is set aside and a new one begun.'),
  file_backup_count: wholeNumber(0).default(5).describe('How many files set aside are kept.'),
});
