const NS = '/api/v1/namespaces/default';
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const template = {
  metadata: { labels: { app: 'x' } },
  spec: {
    containers: [
      {
        name: 'main',
        image: 'app:1',
        env: [{ name: 'A', value: 'b' }],
        ports: [{ containerPort: 80, name: 'http' }],
        resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '100m' } },
        readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 1 },
        volumeMounts: [{ name: 'v', mountPath: '/v' }],
      },
    ],
    volumes: [{ name: 'v', configMap: { name: 'm', items: [{ key: 'a', path: 'b' }] } }],
    tolerations: [{ key: 'a', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 3 }],
  },
};
const map = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'm', labels: { a: 'b' } },
  data: { a: 'b' },
};
const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 's' },
  spec: {
    type: 'NodePort',
    selector: { app: 'x' },
    ports: [{ port: 80, targetPort: 'http', protocol: 'TCP' }],
  },
};
const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'd', annotations: { a: 'b' }, finalizers: ['x.io/y'] },
  spec: { replicas: 1, selector: { matchLabels: { app: 'x' } }, template },
};
const autoscaler = {
  apiVersion: 'autoscaling/v1',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'h' },
  spec: {
    maxReplicas: 3,
    targetCPUUtilizationPercentage: 80,
    scaleTargetRef: { kind: 'Deployment', name: 'd' },
  },
};
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'foos.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { kind: 'Foo', plural: 'foos', shortNames: ['f'] },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        additionalPrinterColumns: [{ name: 'A', type: 'string', jsonPath: '.spec.a[?(@.b=="c")].d' }],
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: { spec: { type: 'object', properties: { a: { type: 'string', pattern: '^a+$' } } } },
          },
        },
      },
    ],
  },
};
/** What is there before the first request. */
export const CREATED: readonly [string, object][] = [
  [`${NS}/configmaps`, map],
  [`${NS}/services`, service],
  ['/apis/apps/v1/namespaces/default/deployments', deployment],
  ['/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers', autoscaler],
  [CRDS, definition],
];
const review = { spec: { resourceAttributes: { verb: 'get', resource: 'pods', namespace: 'default' } } };
const conditions = { status: { conditions: [{ type: 'NamesAccepted', status: 'True' }] } };
const operations = [
  { op: 'test', path: '/data/a', value: 'b' },
  { op: 'copy', from: '/data', path: '/metadata/labels' },
];

/** A request that is in order, to be made strange. */
export type Seed = readonly [method: string, path: string, body: unknown, type?: string];

export const SEEDS: readonly Seed[] = [
  ...CREATED.map(([path, body]): Seed => ['POST', path, body]),
  ['POST', `${NS}/pods`, { metadata: { generateName: 'p-' }, spec: template.spec }],
  ['PUT', `${NS}/configmaps/m`, map],
  ['PUT', `${NS}/services/s`, service],
  ['PUT', `${NS}/pods/web/status`, { status: { phase: 'Running', podIPs: [{ ip: '10.0.0.1' }] } }],
  ['PUT', '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/h', autoscaler],
  ['PATCH', `${NS}/configmaps/m`, map, 'application/merge-patch+json'],
  ['PATCH', `${NS}/configmaps/m?fieldManager=a&force=true`, map, 'application/apply-patch+yaml'],
  ['PATCH', `${NS}/configmaps/m`, operations, 'application/json-patch+json'],
  [
    'PATCH',
    '/apis/apps/v1/namespaces/default/deployments/d',
    deployment,
    'application/strategic-merge-patch+json',
  ],
  [
    'PATCH',
    '/apis/apps/v1/namespaces/default/deployments/d?fieldManager=b',
    deployment,
    'application/apply-patch+yaml',
  ],
  [
    'PATCH',
    '/apis/apps/v1/namespaces/default/deployments/d/scale',
    { spec: { replicas: 2 } },
    'application/merge-patch+json',
  ],
  ['PATCH', `${CRDS}/foos.example.com/status`, conditions, 'application/merge-patch+json'],
  ['PATCH', `${CRDS}/foos.example.com`, definition, 'application/merge-patch+json'],
  [
    'POST',
    '/apis/example.com/v1/namespaces/default/foos',
    { metadata: { generateName: 'f-' }, spec: { a: 'aaa' } },
  ],
  ['POST', `${NS}/pods/web/binding`, { target: { kind: 'Node', name: 'n' } }],
  ['POST', `${NS}/pods/web/eviction`, { deleteOptions: { dryRun: ['All'], preconditions: { uid: 'x' } } }],
  [
    'POST',
    `${NS}/serviceaccounts/default/token`,
    { spec: { audiences: ['a'], boundObjectRef: { kind: 'Pod', name: 'web' } } },
  ],
  ['POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', review],
  ['POST', '/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token: 'a.b.c', audiences: ['d'] } }],
  [
    'DELETE',
    `${NS}/configmaps/none`,
    { kind: 'DeleteOptions', gracePeriodSeconds: 1, propagationPolicy: 'Orphan' },
  ],
  ['GET', `${NS}/pods?labelSelector=a%3Db,c+in+(d,e)&fieldSelector=spec.nodeName%3Dbox&limit=2`, undefined],
  ['GET', `${NS}/pods?limit=1&resourceVersion=1&resourceVersionMatch=Exact&continue=abc`, undefined],
  ['GET', `${NS}/pods?watch=1&timeoutSeconds=1&resourceVersion=1&allowWatchBookmarks=true`, undefined],
  ['GET', '/apis/example.com/v1/foos?pretty=true', undefined],
  ['GET', '/openapi/v3/apis/example.com/v1', undefined],
];
