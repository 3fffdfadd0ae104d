import { Fault } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { faultToResponse } from './wire-codes.ts';

describe('faultToResponse', () => {
  it.each([
    ['sandbox.not_found', 404, 'DOCKER::SANDBOX_NOT_FOUND', 404, 'KUBERNETES::SANDBOX_NOT_FOUND'],
    ['sandbox.not_running', 409, 'DOCKER::SANDBOX_NOT_RUNNING', 409, 'KUBERNETES::INVALID_STATE'],
    ['image.pull_failed', 500, 'DOCKER::SANDBOX_IMAGE_PULL_FAILED', 500, 'KUBERNETES::API_ERROR'],
    ['port.invalid', 400, 'DOCKER::INVALID_PORT', 400, 'DOCKER::INVALID_PORT'],
    ['expiration.disabled', 409, 'DOCKER::INVALID_EXPIRATION', 409, 'DOCKER::INVALID_EXPIRATION'],
    ['metadata.reserved', 400, 'INVALID_METADATA_LABEL', 400, 'INVALID_METADATA_LABEL'],
    ['engine.unavailable', 503, 'DOCKER::SANDBOX_QUERY_FAILED', 503, 'KUBERNETES::API_ERROR'],
    ['agent.not_ready', 500, 'DOCKER::SANDBOX_START_FAILED', 504, 'KUBERNETES::POD_READY_TIMEOUT'],
  ])('answers %s by the code of the runtime', (cause, ...expected) => {
    const fault = new Fault('internal', cause, 'Text.');
    const docker = faultToResponse(fault, 'docker');
    const kubernetes = faultToResponse(fault, 'kubernetes');
    expect([docker.status, docker.body.code, kubernetes.status, kubernetes.body.code]).toEqual(expected);
    expect(docker.body.message).toBe('Text.');
  });

  it('answers other runtimes in the words of Docker', () => {
    const fault = new Fault('not_found', 'sandbox.not_found', 'Sandbox x not found.');
    expect(faultToResponse(fault, 'fake')).toEqual({
      status: 404,
      body: { code: 'DOCKER::SANDBOX_NOT_FOUND', message: 'Sandbox x not found.' },
    });
  });

  it('puts the issues of a bad request into detail', () => {
    const issues = [{ type: 'missing', loc: ['body'], msg: 'Field required', input: null }];
    const fault = new Fault('invalid', 'request.invalid', 'body: Field required', { details: { issues } });
    expect(faultToResponse(fault, 'docker')).toEqual({
      status: 422,
      body: { detail: issues, code: 'GENERAL::INVALID_REQUEST', message: 'body: Field required' },
    });
  });

  it.each([
    ['request.unreadable', 400, 'There was an error parsing the body'],
    ['route.not_found', 404, 'Not Found'],
    ['route.method_not_allowed', 405, 'Method Not Allowed'],
  ])('keeps the detail that older clients know for %s', (code, status, detail) => {
    const response = faultToResponse(new Fault('invalid', code, 'Text.'), 'docker');
    expect(response).toMatchObject({ status, body: { detail, message: 'Text.' } });
  });

  it('hides the text of a defect and the cause of everything', () => {
    const fault = new Fault('internal', 'internal.unexpected', 'undefined is not a function', {
      cause: new Error('secret host'),
    });
    expect(faultToResponse(fault, 'docker')).toEqual({
      status: 500,
      body: { code: 'GENERAL::UNKNOWN_ERROR', message: 'An unexpected error occurred.' },
    });
  });

  it('answers a code it does not know by the kind', () => {
    expect(faultToResponse(new Fault('conflict', 'toString', 'Text.'), 'docker')).toEqual({
      status: 409,
      body: { code: 'GENERAL::UNKNOWN_ERROR', message: 'Text.' },
    });
  });
});
