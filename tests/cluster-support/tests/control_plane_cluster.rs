//! The control plane of a test cluster, as tests of other crates use it.

use symbolon_test_cluster::TestCluster;

#[test]
fn the_control_plane_comes_up_and_takes_objects() {
    let Some(cluster) = TestCluster::control_plane() else { return };
    cluster.apply("{apiVersion: v1, kind: Namespace, metadata: {name: shop}}").unwrap();
    let namespace = cluster.get_json(&["namespace", "shop"]).unwrap();
    assert_eq!(namespace["status"]["phase"], "Active");
}
