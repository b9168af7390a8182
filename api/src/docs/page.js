'use strict';

// Elements are made, never written as HTML: nothing in the document is run.
const make = (tag, attributes = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children.filter((child) => child !== null));
  return made;
};
const at = (id) => document.getElementById(id);
const code = (text) => make('code', {}, text);
const pretty = (value) => JSON.stringify(value, null, 2);

// `code`, **strong**, paragraphs and lists: as much Markdown as the descriptions use.
const inline = (text) => text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).filter(Boolean).map((part) => {
  if (part.startsWith('`')) return code(part.slice(1, -1));
  if (part.startsWith('**')) return make('strong', {}, part.slice(2, -2));
  return part;
});
const prose = (text) => text.split(/\n\n/).map((block) => {
  const lines = block.split('\n');
  if (!lines.every((line) => line.startsWith('- '))) return make('p', {}, ...inline(block));
  return make('ul', {}, ...lines.map((line) => make('li', {}, ...inline(line.slice(2)))));
});

const show = (contract) => {
  const resolve = (value) => value && value.$ref
    ? { ...value.$ref.slice(2).split('/').reduce((found, key) => found[key], contract), ...value, $ref: undefined }
    : value;
  const nameOf = (schema) => schema.$ref ? schema.$ref.split('/').pop() : null;

  // A schema in a few words: `Amount | null`, `integer 1 to 200`, `one of a, b`.
  const words = (schema) => {
    const options = schema.anyOf || schema.oneOf;
    if (schema.const !== undefined) return JSON.stringify(schema.const);
    if (options) return options.map(words).join(' | ');
    if (schema.allOf) return schema.allOf.map(words).join(' & ');
    const whole = resolve(schema);
    if (whole.enum) return whole.enum.length > 14 ? `${nameOf(schema) || 'text'}, such as ${whole.enum[0]}` : whole.enum.join(', ');
    if (whole !== schema && (whole.properties || whole.oneOf)) return whole.oneOf ? words({ oneOf: whole.oneOf }) : nameOf(schema);
    if (whole.type === 'array') return `list of ${words(whole.items)}`;
    const bounds = [
      whole.minimum !== undefined && whole.maximum !== undefined ? `${whole.minimum} to ${whole.maximum}` : null,
      whole.maxLength ? `at most ${whole.maxLength} characters` : null,
      whole.maxProperties ? `at most ${whole.maxProperties}` : null,
      whole.format && !whole.format.includes('int') ? whole.format : null,
    ].filter(Boolean);
    return [[].concat(whole.type || 'anything').join(' or '), ...bounds].join(', ');
  };

  const fieldRows = (schema, prefix = '', depth = 0) => {
    const whole = resolve(schema);
    const required = whole.required || [];
    const order = [...required, ...Object.keys(whole.properties || {}).filter((name) => !required.includes(name))];
    return order.flatMap((name) => {
      const field = whole.properties[name];
      const about = field.description || (resolve(field) || {}).description || '';
      const row = make('tr', {}, make('td', { className: 'code' }, code(prefix + name)), make('td', {}, words(field)),
        make('td', {}, required.includes(name) ? 'always' : 'optional'), make('td', {}, ...prose(about)));
      const inner = (field.anyOf || [field]).map(resolve).find((one) => one.properties || (one.items && resolve(one.items).properties));
      const below = inner && depth < 2 ? fieldRows(inner.items || inner, `${prefix}${name}${inner.items ? '[]' : ''}.`, depth + 1) : [];
      return [row, ...below];
    });
  };
  const fields = (schema) => make('table', {}, make('tbody', {}, ...fieldRows(schema)));

  const body = (content) => Object.entries(content).flatMap(([type, { schema, example, examples }]) => {
    const whole = resolve(schema);
    const forms = whole.anyOf || [whole.allOf ? whole.allOf[0] : schema];
    const shown = example ? [['', example]] : Object.values(examples || {}).map((one) => [one.summary, one.value]);
    return [
      make('p', { className: 'soft' }, type),
      ...forms.flatMap((form, place) => [
        place ? make('p', { className: 'soft' }, 'or') : null, resolve(form).properties ? fields(form) : make('p', {}, words(form)),
      ]),
      ...shown.flatMap(([summary, value]) => [make('p', { className: 'soft' }, summary), make('pre', {}, pretty(value))]),
    ].filter(Boolean);
  });

  const responses = (operation) => Object.entries(operation.responses).map(([status, response]) => make('details', {},
    make('summary', {}, make('code', { className: status < 400 ? '' : 'bad' }, status), ' ',
      ...(status < 400 ? inline(response.description) : [`${response.description.split('\n').length} codes`])),
    ...prose(response.description),
    make('p', { className: 'soft' }, `Headers: ${Object.keys(response.headers).join(', ')}`),
    ...body(response.content)));

  // A form that sends the request and shows the answer.
  const trial = (method, path, operation, parameters) => {
    const isObject = (parameter) => parameter.schema.type === 'object';
    const exampleOf = (parameter) => (isObject(parameter) ? String(new URLSearchParams(parameter.schema.examples[0])) : parameter.example || '');
    const inputs = parameters.map((parameter) => [parameter, make('input', { ariaLabel: parameter.name, placeholder: exampleOf(parameter) })]);
    const content = operation.requestBody && Object.values(operation.requestBody.content)[0];
    const text = content && make('textarea', { ariaLabel: 'body' }, pretty(Object.values(content.examples)[0].value));
    const answer = make('pre', { hidden: true });
    const run = async () => {
      let target = path;
      const query = new URLSearchParams();
      const headers = content ? { 'Content-Type': 'application/json' } : {};
      for (const [parameter, input] of inputs.filter(([, input]) => input.value)) {
        if (parameter.in === 'path') target = target.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
        // An object in the query is its properties.
        else if (isObject(parameter)) new URLSearchParams(input.value).forEach((value, name) => query.append(name, value));
        else if (parameter.in === 'query') query.set(parameter.name, input.value);
        else headers[parameter.name] = input.value;
      }
      if (query.size) target += `?${query}`;
      await send(answer, method, target, headers, text ? text.value : undefined);
    };
    return [
      make('h3', {}, 'Try it'),
      make('table', {}, make('tbody', {}, ...inputs.map(([parameter, input]) =>
        make('tr', {}, make('td', { className: 'code' }, code(parameter.name)), make('td', {}, input))))),
      text || null, make('button', { type: 'button', onclick: run }, 'Send'), answer,
    ];
  };

  const route = (path, method, operation) => {
    const parameters = operation.parameters.map(resolve);
    const described = parameters.map((parameter) => make('tr', {}, make('td', { className: 'code' }, code(parameter.name)),
      make('td', {}, parameter.in), make('td', {}, words(parameter.schema)), make('td', {}, ...prose(parameter.description))));
    return make('details', { className: 'route', id: operation.operationId },
      make('summary', {}, make('span', { className: `method ${method}` }, method.toUpperCase()), code(path),
        make('span', { className: 'soft' }, operation.summary)),
      make('div', {},
        make('h3', {}, 'Parameters'), make('table', {}, make('tbody', {}, ...described)),
        ...(operation.requestBody ? [make('h3', {}, 'Body'), ...body(operation.requestBody.content)] : []),
        make('h3', {}, 'Answers'), ...responses(operation),
        ...trial(method.toUpperCase(), path, operation, parameters)));
  };

  at('version').textContent = `Version ${contract.info.version}, OpenAPI ${contract.openapi}: `;
  at('version').append(make('a', { href: '/openapi.json' }, '/openapi.json'));
  at('about').append(...prose(contract.info.description));
  const operations = Object.entries(contract.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })));
  at('contents').append(make('a', { href: '#walk' }, make('strong', {}, 'A walk through')));
  for (const { name, description } of contract.tags) {
    const own = operations.filter(({ operation }) => operation.tags.includes(name));
    at('routes').append(make('section', {}, make('h2', {}, name), make('p', {}, ...inline(description)),
      ...own.map(({ path, method, operation }) => route(path, method, operation))));
    at('contents').append(make('h2', {}, name), ...own.map(({ operation }) =>
      make('a', { href: `#${operation.operationId}`, onclick: () => { at(operation.operationId).open = true; } }, operation.summary)));
  }
  at('contents').append(make('h2', {}, 'Errors'), make('a', { href: '#errors' }, 'Every code'));
  at('problems').append(...contract['x-problems'].map((problem) => make('tr', {}, make('td', { className: 'code' }, code(problem.code)),
    make('td', {}, String(problem.status)), make('td', {}, problem.title), make('td', {}, ...inline(problem.retry)),
    make('td', {}, ...inline(problem.remedy)))));
};

const send = async (answer, method, target, headers, body) => {
  answer.hidden = false;
  answer.textContent = '…';
  try {
    const response = await fetch(target, { method, headers, body });
    const text = await response.text();
    const lines = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
    let shown = text;
    try { shown = pretty(JSON.parse(text)); } catch { /* Not JSON: shown as it came. */ }
    answer.textContent = `${method} ${target}\n${response.status}\n${lines}\n\n${shown}`;
    return { status: response.status, text };
  } catch (error) {
    answer.textContent = `${method} ${target}\n${error}`;
    return null;
  }
};

// The walk: each step may use what the steps before it found.
const walk = () => {
  const found = { PAYMENT: '$PAYMENT', KEY: `walk-${Date.now()}` };
  const fill = (text) => text.replace(/\$([A-Z]+)/g, (whole, name) => found[name] || whole);
  const json = { 'Content-Type': 'application/json' };
  const payment = '/api/v1/payments/$PAYMENT';
  const steps = [
    ['Authorize 10.00 EUR', 'POST', '/api/v1/payments', { merchantId: 'shop-1', amount: 1000, currency: 'EUR', idempotencyKey: '$KEY', reference: 'order 4711' }],
    ['Capture half of it', 'POST', `${payment}/captures`, { amount: 500, idempotencyKey: '$KEY-parcel' }],
    ['Refund a part of that', 'POST', `${payment}/refunds`, { amount: 200, reason: 'one item came back', idempotencyKey: '$KEY-return' }],
    ['Void the rest', 'POST', `${payment}/voids`, {}],
    ['Read it: 500 captured, 200 refunded, 500 voided', 'GET', payment],
    ['Find it in the lists', 'GET', '/api/v1/payments?merchantId=shop-1&limit=5'],
    ['See what the shop is owed', 'GET', '/api/v1/settlements?merchantId=shop-1'],
    ['Download the lines of it as CSV', 'GET', '/api/v1/settlements/lines?merchantId=shop-1', null, { Accept: 'text/csv' }],
  ];
  at('steps').append(...steps.map(([title, method, path, body, accept = {}]) => {
    const shell = make('pre', {});
    const answer = make('pre', { hidden: true });
    const write = () => {
      const sent = body ? ` -H 'content-type: application/json' \\\n  -d '${fill(JSON.stringify(body))}'` : '';
      const wanted = Object.entries(accept).map(([name, value]) => ` -H '${name.toLowerCase()}: ${value}'`).join('');
      shell.textContent = `curl '${location.origin}${fill(path)}'${wanted}${sent}`;
    };
    write();
    addEventListener('found', write);
    const run = async () => {
      const got = await send(answer, method, fill(path), body ? json : accept, body && fill(JSON.stringify(body)));
      const id = got && path === '/api/v1/payments' && method === 'POST' && got.status < 300 && JSON.parse(got.text).paymentId;
      if (!id) return;
      found.PAYMENT = id;
      document.querySelectorAll('.payment').forEach((place) => { place.textContent = id; });
      dispatchEvent(new Event('found'));
    };
    return make('li', {}, make('strong', {}, title), shell, make('button', { type: 'button', onclick: run }, 'Run'), answer);
  }));
};

fetch('/openapi.json').then((response) => response.json()).then(show)
  .catch((error) => { at('about').textContent = `The contract can't be shown: ${error}`; });
walk();
