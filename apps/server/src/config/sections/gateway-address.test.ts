import { expect, it } from 'vitest';
import { gatewayAddressProblem } from './gateway-address.ts';

it.each([
  ['*.example.com', 'wildcard'],
  ['*.a.b.c', 'wildcard'],
  ['gw.example.com', 'header'],
  ['gw.example.com:8443', 'header'],
  ['10.0.0.1:80', 'header'],
  ['gw.example.com/base', 'uri'],
  ['10.0.0.1:8000', 'uri'],
] as const)('accepts %s in %s mode', (address, mode) => {
  expect(gatewayAddressProblem(address, mode)).toBeUndefined();
});

it.each([
  ['https://x.org', 'uri', 'scheme'],
  ['example.com', 'wildcard', 'wildcard domain'],
  ['*.com', 'wildcard', 'wildcard domain'],
  ['*.-a.com', 'wildcard', 'wildcard domain'],
  ['*.example.com:80', 'wildcard', 'wildcard domain'],
  ['*.example.com', 'header', "'*'"],
  ['*.example.com', 'uri', "'*'"],
  ['gw.example.com:0', 'header', 'host name'],
  ['gw.example.com:70000', 'header', 'host name'],
  ['10.0.0.256', 'header', 'host name'],
  ['  ', 'uri', 'blank'],
] as const)('refuses %s in %s mode', (address, mode, reason) => {
  expect(gatewayAddressProblem(address, mode)).toContain(reason);
});
