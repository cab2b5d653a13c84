//! The expressions as they stand in the policy, with `<names>` for what is filled in.

/// The parts of the account's entry; none if it has no entry.
pub(super) const ENTRY: &str =
    "has(params.data) && variables.account in params.data ? string(params.data[variables.account]).split(';') : []";

/// Whether there is anything to do, as far as that is cheap to tell.
///
/// The API server (1.36.3) evaluates a policy that may be reinvoked twice, after its own change too;
/// a pod that is as the first evaluation left it is seen here, at a third of the cost of the second. What
/// is not seen here, such as a container that was skipped, is evaluated once more and found done.
pub(super) const IS_OPEN: &str = "!(object.spec.?volumes.orValue([]).exists(volume, volume.name == <volume>
    && volume.?projected.?sources.orValue(null) != null
    && volume.projected.sources.exists(source, source.?serviceAccountToken.path.orValue('') == <token>
      && source.serviceAccountToken.?audience.orValue('') == <audience>))
  && object.spec.?containers.orValue(null) != null
  && (object.spec.containers + object.spec.?initContainers.orValue([])).all(container,
    container.?volumeMounts.orValue([]).exists(mount, mount.name == <volume> && mount.mountPath == <mount>)
    && ['AZURE_CLIENT_ID', 'AZURE_FEDERATED_TOKEN_FILE'].all(name,
      container.?env.orValue([]).exists(variable, variable.name == name))))";

/// Lists that a pod must have and one that is not valid has not: the API server refuses that one
/// better than an expression that fails.
pub(super) const CONTAINERS_OF: &str = "object.spec.?<list>.orValue(null) == null ? [] : object.spec.<list>";

/// Whether the proxy sidecar is asked for and is not there yet; and where the webhook would refuse it.
pub(super) const HAS_PROXY: &str = "<inject>.trim().lowerAscii() != 'false'
  && (!variables.mounting.exists(container, container.name == 'azwi-proxy')
    || !variables.mounting.exists(container, container.name == 'azwi-proxy-init')
    || object.spec.?hostNetwork.orValue(false) || <port> in variables.annotations)";

/// The volume that carries the token, found as [`crate::mutate`] finds it: that of an earlier
/// injection by what it is, one of the pod's author by its token and its mount, else a new one.
pub(super) const FOUND_VOLUME: [(&str, &str); 13] = [
    (
        "withToken",
        "object.spec.?volumes.orValue([]).filter(volume,
  volume.?projected.?sources.orValue(null) != null
  && volume.projected.sources.exists(source, has(source.serviceAccountToken)
    && source.serviceAccountToken.path in [<v15-token>, <v16-token>]))",
    ),
    (
        "v15",
        "variables.withToken.filter(volume, volume.projected.sources.exists(source,
  source.?serviceAccountToken.path.orValue('') == <v15-token>))",
    ),
    (
        "v16",
        "variables.withToken.filter(volume, volume.projected.sources.exists(source,
  source.?serviceAccountToken.path.orValue('') == <v16-token>))",
    ),
    (
        "authored15",
        "variables.v15.filter(volume, volume.projected.sources.exists(source,
    source.?serviceAccountToken.path.orValue('') == <v15-token>
    && source.serviceAccountToken.?audience.orValue('') == variables.audience)
  && variables.mounting.exists(container, container.?volumeMounts.orValue([]).exists(mount,
    mount.name == volume.name && !has(mount.subPath) && !has(mount.subPathExpr)
    && '/' + mount.mountPath.split('/').filter(segment, segment != '').join('/') == <v15-mount>))).map(volume, volume.name)",
    ),
    (
        "authored16",
        "variables.v16.filter(volume, volume.projected.sources.exists(source,
    source.?serviceAccountToken.path.orValue('') == <v16-token>
    && source.serviceAccountToken.?audience.orValue('') == variables.audience)
  && variables.mounting.exists(container, container.?volumeMounts.orValue([]).exists(mount,
    mount.name == volume.name && !has(mount.subPath) && !has(mount.subPathExpr)
    && '/' + mount.mountPath.split('/').filter(segment, segment != '').join('/') == <v16-mount>))).map(volume, volume.name)",
    ),
    (
        "injected16",
        "object.spec.?volumes.orValue([]).filter(volume, volume.name.startsWith('azure-workload-identity-reserved-')
  && (volume.name.matches('-[0-9a-f]{30}$') || variables.v16.exists(found, found.name == volume.name))).map(volume, volume.name)",
    ),
    (
        "isV15",
        "variables.isV15Wanted
  ? variables.isLayoutFixed || variables.v15.size() > 0 || variables.authored16.size() == 0
  : !variables.isLayoutFixed && variables.injected16.size() == 0 && variables.authored16.size() == 0 && variables.authored15.size() > 0",
    ),
    (
        "volumes",
        "variables.isV15Wanted
  ? (variables.isV15 ? variables.v15.map(volume, volume.name) : variables.authored16)
  : (variables.isV15 ? variables.authored15 : variables.injected16 + variables.authored16)",
    ),
    (
        "volume",
        "variables.volumes.size() > 0 ? variables.volumes[0] : variables.isV15 ? <v15-volume> : <volume>",
    ),
    (
        "isAuthored",
        "variables.volumes.size() > 0 && (variables.isV15Wanted
  ? !variables.isV15 || variables.volume != <v15-volume>
  : variables.isV15 || variables.injected16.size() == 0)",
    ),
    ("mountPath", "variables.isV15 ? <v15-mount> : <v16-mount>"),
    ("tokenPath", "variables.isV15 ? <v15-token> : <v16-token>"),
    (
        "isNameTaken",
        "variables.volumes.size() == 0 && object.spec.?volumes.orValue([]).exists(volume, volume.name == variables.volume)",
    ),
];

pub(super) const PROXY_REFUSAL: &str = "the proxy sidecar is injected by the webhook alone: run it as well (mode both), \
     or take the annotation azure.workload.identity/inject-proxy-sidecar off the pod";

pub(super) const REFUSAL: &str = "
variables.entry.size() == 0
  ? 'service account ' + variables.account + ' of namespace ' + request.namespace + <unknown>
: variables.hasProxy ? <proxy>
: !variables.expiration.matches('^[+-]?[0-9]{1,18}$')
  ? 'strconv.ParseInt: parsing ' + strings.quote(variables.expiration)
    + (variables.expiration.matches('^[+-]?[0-9]+$') ? ': value out of range' : ': invalid syntax')
: int(variables.expiration) < 3600 || int(variables.expiration) > 86400
  ? 'token expiration ' + string(int(variables.expiration)) + ' not valid. Expected value to be between 3600 and 86400'
: variables.isNameTaken
  ? 'volume ' + strings.quote(variables.volume) + ' is no projected service account token; rename it'
    + (variables.isV15 ? ', or annotate the pod with azure.workload.identity/layout: v1.6' : '')
: ''
";

pub(super) const PATCH: &str = "
variables.isLeftAlone ? []
: variables.refusal != '' ? <refused>
: <volume>
  + <init-containers>
  + <containers>
";

pub(super) const MARK: &str = "
(has(object.metadata.annotations) ? [] : [JSONPatch{op: 'add', path: '/metadata/annotations', value: {}}])
  + [JSONPatch{op: 'add', path: <path>, value: variables.refusal}]
";

pub(super) const TOKEN_SOURCE: &str = "
Object.spec.volumes.projected.sources{
        serviceAccountToken: Object.spec.volumes.projected.sources.serviceAccountToken{
          path: variables.tokenPath, expirationSeconds: int(variables.expiration), audience: variables.audience
        }
      }
";

/// A new volume; one of an earlier injection in today's layout is brought up to date.
pub(super) const VOLUME: &str = "
(has(object.spec.volumes) ? [] : [JSONPatch{op: 'add', path: '/spec/volumes', value: []}])
  + (variables.volumes.size() == 0 ? [JSONPatch{op: 'add', path: '/spec/volumes/-', value: Object.spec.volumes{
      name: variables.volume,
      projected: Object.spec.volumes.projected{sources: <sources>}
    }}]
    : variables.isV15 || variables.isAuthored ? []
    : object.spec.volumes.transformList(index, volume, volume.name == variables.volume,
        JSONPatch{op: 'replace', path: '/spec/volumes/' + string(index), value: Object.spec.volumes{
          name: variables.volume,
          projected: Object.spec.volumes.projected{sources: <sources>}
        }}))
  <trust>
";

/// What each container lacks. Names are collected first: a container may have thousands.
pub(super) const CONTAINERS: &str = "
variables.<list>.transformList(index, container, !(container.name in variables.skipped)
    && (variables.included.size() == 0 || container.name in variables.included || container.name in ['azwi-proxy', 'azwi-proxy-init']),
    [container.?env.orValue([]).map(variable, variable.name)].map(own,
      (variables.env<trust-env>).filter(variable, !(variable.name in own))
    ).map(missing,
      missing.size() == 0 ? []
      : has(container.env) ? missing.map(variable, JSONPatch{op: 'add', path: '/spec/<list>/' + string(index) + '/env/-', value: variable})
      : [JSONPatch{op: 'add', path: '/spec/<list>/' + string(index) + '/env', value: missing}]
    )[0]
    + <mount>
    <trust-mount>
  ).flatten()
";

/// The mount, unless something else is there. One of that name is made ours, or, in the old layout
/// and in a volume of the pod's author, left where it is.
pub(super) const MOUNT: &str = "
[container.?volumeMounts.orValue([])].map(mounts,
      mounts.exists(mount, mount.name != variables.volume && <within>) ? []
      : !mounts.exists(mount, mount.name == variables.volume)
        || (variables.isAuthored && !mounts.exists(mount, mount.name == variables.volume && <within>))
        ? (has(container.volumeMounts) ? [] : [JSONPatch{op: 'add', path: '/spec/<list>/' + string(index) + '/volumeMounts', value: []}])
          + [JSONPatch{op: 'add', path: '/spec/<list>/' + string(index) + '/volumeMounts/-', value: Object.spec.<list>.volumeMounts{
            name: variables.volume, mountPath: variables.mountPath, readOnly: true
          }}]
      : variables.isV15 || variables.isAuthored ? []
      : [(mounts.transformList(at, mount, mount.name == variables.volume && <within>, at)
          + mounts.transformList(at, mount, mount.name == variables.volume, at))[0]].map(at,
          mounts[at].mountPath == variables.mountPath && mounts[at].?readOnly.orValue(false)
            && !has(mounts[at].subPath) && !has(mounts[at].subPathExpr) ? []
          : [JSONPatch{op: 'replace', path: '/spec/<list>/' + string(index) + '/volumeMounts/' + string(at), value: Object.spec.<list>.volumeMounts{
            name: variables.volume, mountPath: variables.mountPath, readOnly: true
          }}])[0]
    )[0]
";
