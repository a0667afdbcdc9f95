// The reference system: its createHandler with a factory and two handlers, as its
// guide has them. The decorators are called, since this is JavaScript.
import './reference-environment.mjs';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import core from '@mbc-cqrs-serverless/core';
import nest from '@nestjs/common';

const { DefaultEventFactory, EventFactory, EventHandler, createHandler } = core;
const { Injectable, Module } = nest;

class NotificationEvent {
  constructor(body) {
    Object.assign(this, body);
  }
}

class OrderEvent {
  constructor(item) {
    Object.assign(this, item);
  }
}

class Factory extends DefaultEventFactory {
  async transformSqs(event) {
    const events = [];
    for (const record of event.Records) {
      const body = JSON.parse(record.body);
      if (body.type === 'NOTIFICATION') events.push(new NotificationEvent(body));
    }
    return events;
  }

  async transformDynamodbStream(event) {
    const events = [];
    for (const record of event.Records) {
      if (record.eventName !== 'INSERT' && record.eventName !== 'MODIFY') continue;
      if (record.dynamodb.NewImage.pk.S.startsWith('ORDER#')) events.push(new OrderEvent(unmarshall(record.dynamodb.NewImage)));
    }
    return events;
  }
}
EventFactory()(Factory);
Injectable()(Factory);

export function create({ onNotification, onOrder }) {
  class NotificationHandler {
    execute(event) {
      return onNotification(event);
    }
  }
  class OrderHandler {
    execute(event) {
      return onOrder(event);
    }
  }
  class MainModule {}
  for (const [handler, event] of [[NotificationHandler, NotificationEvent], [OrderHandler, OrderEvent]]) {
    Injectable()(handler);
    EventHandler(event)(handler);
  }
  Module({ providers: [Factory, NotificationHandler, OrderHandler] })(MainModule);
  return createHandler({ rootModule: MainModule });
}
