//! An agent asks, a reviewer approves, exactly that runs, once, and anyone can verify it.

use countersign_protocol::decision::Verdict;
use countersign_protocol::request::Phase;
use countersign_tests::Organisation;
use countersign_verify::Purpose;

#[test]
fn a_change_runs_once_it_is_approved_and_the_evidence_holds() {
    let organisation = Organisation::start();
    let client = organisation.ask_change("app.conf", "workers = 4\n", "workers = 8\n");
    let id = organisation.wait_for(Phase::Pending);
    assert_eq!(
        std::fs::read_to_string(organisation.work("app.conf")).unwrap(),
        "workers = 4\n"
    );

    organisation.decide(id, "alex", Verdict::Approve).unwrap();
    let ended = client.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(
        std::fs::read_to_string(organisation.work("app.conf")).unwrap(),
        "workers = 8\n"
    );

    organisation.wait_until(id, Phase::Succeeded);
    let chain = organisation.chain(id);
    assert_eq!(chain.state.phase(), Phase::Succeeded);
    let report = organisation.judge(&organisation.record(id), Purpose::Audit);
    assert!(report.is_valid(), "{:?}", report.problems);
}

#[test]
fn a_command_runs_with_its_arguments_and_gives_its_output() {
    let organisation = Organisation::start();
    let client = organisation.agent(&[
        "exec",
        "--reason",
        "look",
        "--json",
        "--",
        "/bin/echo",
        "approved",
        "and run",
    ]);
    let id = organisation.wait_for(Phase::Pending);
    organisation.decide(id, "alex", Verdict::Approve).unwrap();
    let ended = client.finish();
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(0), "approved and run\n"),
        "{}",
        ended.stderr
    );
    organisation.wait_until(id, Phase::Succeeded);
}

#[test]
fn a_statement_changes_the_database_in_one_transaction() {
    let organisation = Organisation::start();
    let database = rusqlite::Connection::open(organisation.work("orders.db")).unwrap();
    database.execute_batch("CREATE TABLE orders (id INTEGER PRIMARY KEY, state TEXT); INSERT INTO orders VALUES (1,'new'),(2,'new');").unwrap();
    let statement = organisation.write("ship.sql", b"UPDATE orders SET state = 'shipped' WHERE id = 1;\n");
    let client = organisation.agent(&[
        "sql",
        "--database",
        "orders",
        "--file",
        statement.to_str().unwrap(),
        "--json",
    ]);
    let id = organisation.wait_for(Phase::Pending);
    organisation.decide(id, "alex", Verdict::Approve).unwrap();
    let ended = client.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let shipped: i64 = database
        .query_row("SELECT count(*) FROM orders WHERE state = 'shipped'", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(shipped, 1);
    organisation.wait_until(id, Phase::Succeeded);
}
