import type { Context } from 'hono';
import type { Visitor } from '../proxy/port-proxy.ts';

interface RouteEnvironment {
  readonly visitor: Visitor;
}

/** What the agent hands to its router beside the request. */
export function routeEnvironment(visitor: Visitor): RouteEnvironment {
  return { visitor };
}

/** Who sent the request that a route answers, and the way to make its connection a WebSocket. */
export function visitorOf(context: Context): Visitor {
  return (context.env as RouteEnvironment).visitor; // only the agent calls the router
}

/** What a route answers after it made its connection a WebSocket. It is never sent. */
export const upgradedResponse = new Response(null);
