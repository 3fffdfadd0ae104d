import { isOff } from './settings.ts';

/** Runs once per project: a check that is off must not be taken for one that passed. */
export default function announce(): void {
  if (isOff(process.env))
    console.log('OPENSANDBOX_LEAK_CHECK=off: what tests leave behind is not looked for.');
}
