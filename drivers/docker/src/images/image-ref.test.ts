import { describe, expect, it } from 'vitest';
import { parseImageRef } from './image-ref.ts';
import { matchesPlatform } from './platform-match.ts';

describe('parseImageRef', () => {
  it.each([
    ['ubuntu', 'ubuntu', 'latest', undefined],
    ['ubuntu:22.04', 'ubuntu', '22.04', undefined],
    ['org/app', 'org/app', 'latest', undefined],
    ['127.0.0.1:5000/app', '127.0.0.1:5000/app', 'latest', '127.0.0.1:5000'],
    ['127.0.0.1:5000/org/app:v1', '127.0.0.1:5000/org/app', 'v1', '127.0.0.1:5000'],
    ['localhost/app:v1', 'localhost/app', 'v1', 'localhost'],
    ['registry.example/org/app@sha256:abc', 'registry.example/org/app', 'sha256:abc', 'registry.example'],
    ['registry.example/org/app:v1@sha256:abc', 'registry.example/org/app', 'sha256:abc', 'registry.example'],
  ])('takes %s apart', (text, name, tag, registry) => {
    expect(parseImageRef(text)).toEqual({ name, tag, registry });
  });
});

describe('matchesPlatform', () => {
  it.each([
    [{ Os: 'linux', Architecture: 'amd64' }, { os: 'linux', arch: 'amd64' }, true],
    [{ Os: 'linux', Architecture: 'x86_64' }, { os: 'linux', arch: 'amd64' }, true],
    [{ Os: 'linux', Architecture: 'aarch64' }, { os: 'linux', arch: 'arm64' }, true],
    [{ Os: 'linux', Architecture: 'amd64' }, { os: 'linux', arch: 'arm64' }, false],
    [{}, { os: 'linux', arch: 'arm64' }, true],
    [{ Os: 'linux', Architecture: 'arm64' }, undefined, true],
  ])('%j for %j: %s', (image, expected, matches) => {
    expect(matchesPlatform(image, expected)).toBe(matches);
  });
});
