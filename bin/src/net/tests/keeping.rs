//! Peers that are dialled again.

use super::*;

#[tokio::test]
async fn a_lost_connection_is_dialled_again() {
    let (mut one, mut two) = (End::new().await, End::new().await);
    one.net.keep(two.node_id, vec![two.address.to_string()]);
    for _ in 0..2 {
        one.connected().await;
        let (at_two, _) = two.connected().await;
        two.disconnect(at_two);
        one.lost().await;
        two.lost().await;
    }
    one.connected().await;
    one.net.release(&two.node_id);
    let (at_two, _) = two.connected().await;
    two.disconnect(at_two);
    one.lost().await;
    one.quiet(1_800).await;
}

#[tokio::test]
async fn another_address_is_tried() {
    let (mut one, mut two) = (End::new().await, End::new().await);
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nowhere = unused.local_addr().unwrap();
    drop(unused);
    one.net.keep(two.node_id, vec![nowhere.to_string(), two.address.to_string()]);
    assert!(one.dial_failed().await.contains("refused"));
    one.connected().await;
    // The address that worked is the first to be tried again.
    let (at_two, _) = two.connected().await;
    two.disconnect(at_two);
    one.lost().await;
    one.connected().await;
}

#[tokio::test]
async fn an_inbound_connection_will_do() {
    let (mut one, mut two) = (End::new().await, End::new().await);
    two.net.dial(one.node_id, one.address.to_string());
    one.connected().await;
    two.connected().await;
    one.net.keep(two.node_id, vec![two.address.to_string()]);
    one.quiet(300).await;
    assert_eq!(one.net.counts().dialled, 0);
    one.net.keep(two.node_id, Vec::new());
    one.net.stop("done", PATIENCE).await;
}
