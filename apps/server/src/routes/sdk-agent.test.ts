import { expect, it } from 'vitest';
import { parseSdkAgent } from './sdk-agent.ts';

it.each([
  ['OpenSandbox-JS-SDK/0.1.11', 'js', '0.1.11'],
  ['foo opensandbox-Go-sdk/1.0.4 bar', 'go', '1.0.4'],
  ['curl/8', 'unknown', 'unknown'],
  [undefined, 'unknown', 'unknown'],
])('parseSdkAgent reads %s', (userAgent, language, version) => {
  expect(parseSdkAgent(userAgent)).toEqual({ language, version });
});
