"""Small lies of the service and the simulator: every one of them must make a test fail."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PythonMutant:
    """`text` of a file of the tree, which occurs there once, becomes `replacement`."""

    breaks: str
    file: str
    text: str
    replacement: str
    # Files below tests/, or single tests of them; the first to fail kills it.
    tests: tuple[str, ...]


VERDICTS = ("simulator/test_verdicts.py",)
COMMANDS = "simulator/test_command_line.py"
BOOKS = ("simulator/test_books.py",)
ASKING = ("simulator/test_asking_again.py",)
DRIVING = "simulator/test_driving.py"
JUDGING = ("simulator/test_judging.py",)
CLIENT = ("simulator/test_client.py",)
METRICS = "http/test_metrics.py"
CACHE = "http/test_cache.py"
BATCHING = "http/test_batching.py"
DB = "http/test_db.py"
WIRE = "http/test_conventions.py"
SERVING = "platform/test_serving.py"

PYTHON_MUTANTS = [
    # The verdict of a run
    PythonMutant(
        "a run whose books differ is code 0",
        "simulator/verdict.py",
        "              result.books_agree),",
        "              True),",
        VERDICTS,
    ),
    PythonMutant(
        "failures are code 0",
        "simulator/verdict.py",
        "judged or not failures",
        "True",
        VERDICTS,
    ),
    PythonMutant(
        "a threshold that is met is code 0",
        "simulator/verdict.py",
        "threshold.told(result.recorder), not met",
        "threshold.told(result.recorder), True",
        VERDICTS,
    ),
    PythonMutant(
        "any threshold at all excuses failures",
        "simulator/verdict.py",
        'threshold.measure == "errors" for',
        "True for",
        VERDICTS,
    ),
    PythonMutant(
        "a spoiled run is code 0",
        "simulator/verdict.py",
        '"spoiled": EXIT_SPOILED',
        '"spoiled": 0',
        VERDICTS,
    ),
    PythonMutant(
        "a late generator spoils whatever is asked of it",
        "simulator/verdict.py",
        "if not (timed or result.recorder.dropped)",
        "if False",
        VERDICTS,
    ),
    PythonMutant(
        "what was never sent does not matter",
        "simulator/verdict.py",
        "if not (timed or result.recorder.dropped)",
        "if not timed",
        VERDICTS,
    ),
    PythonMutant(
        "cards that differ are agreement",
        "simulator/result.py",
        "not (self.differences or ",
        "not (",
        VERDICTS,
    ),
    PythonMutant(
        "a fate that is unknown is agreement",
        "simulator/result.py",
        "or self.unresolved ",
        "",
        VERDICTS,
    ),
    PythonMutant(
        "totals that differ are agreement",
        "simulator/result.py",
        " or self.total_differences",
        "",
        VERDICTS,
    ),
    PythonMutant(
        "a demo whose books differ has not failed",
        "simulator/result.py",
        "bool(self.recorder.failures) or not self.books_agree",
        "bool(self.recorder.failures)",
        VERDICTS,
    ),
    PythonMutant(
        "a demo with failed requests has not failed",
        "simulator/result.py",
        "bool(self.recorder.failures) or not self.books_agree",
        "not self.books_agree",
        VERDICTS,
    ),
    PythonMutant(
        "make run does not ask its audit",
        "simulator/demo.py",
        "not result.failed and audited",
        "not result.failed",
        VERDICTS,
    ),
    PythonMutant(
        "make run asks nothing but its audit",
        "simulator/demo.py",
        "not result.failed and audited",
        "audited",
        VERDICTS,
    ),
    PythonMutant(
        "an audit that finds offences is clean",
        "simulator/demo.py",
        "return done.returncode == 0",
        "return True",
        VERDICTS,
    ),
    PythonMutant(
        "the report of a run that differs says that it agrees",
        "simulator/report.py",
        'if result.books_agree else "DO NOT AGREE"\n    console.print(\n',
        "\n    console.print(\n",
        VERDICTS,
    ),
    PythonMutant(
        "the report of a day that differs says that it agrees",
        "simulator/report.py",
        'if result.books_agree else "DO NOT AGREE"\n    lines.append(',
        "\n    lines.append(",
        (f"{COMMANDS}::test_a_day_whose_books_differ_is_code_1[miscount]",),
    ),
    PythonMutant(
        "a day whose books differ is code 0",
        "simulator/studies.py",
        "not (result.books_agree and audited)",
        "not audited",
        VERDICTS,
    ),
    PythonMutant(
        "a day whose audit finds offences is code 0",
        "simulator/studies.py",
        "not (result.books_agree and audited)",
        "not result.books_agree",
        VERDICTS,
    ),
    PythonMutant(
        "a day whose cards differ agrees",
        "simulator/replay.py",
        "not (self.differences or ",
        "not (",
        VERDICTS,
    ),
    PythonMutant(
        "a day whose totals differ agrees",
        "simulator/replay.py",
        "not (self.differences or self.total_differences)",
        "not self.differences",
        VERDICTS,
    ),
    PythonMutant(
        "a day does not miss a card that is not listed",
        "simulator/replay.py",
        "self._compare_card(rider, None)",
        "pass",
        (f"{COMMANDS}::test_a_day_whose_books_differ_is_code_1",),
    ),
    PythonMutant(
        "a day believes every balance at its end",
        "simulator/replay.py",
        "if told != expected:",
        "if told is None:",
        (f"{COMMANDS}::test_a_day_whose_books_differ_is_code_1[owe in secret]",),
    ),
    PythonMutant(
        "only the first worker's failures are told",
        "simulator/session.py",
        "merged.merge(outcome.recorder)",
        "pass",
        (f"{COMMANDS}::test_the_failures_of_every_worker_are_told",),
    ),
    PythonMutant(
        "a worker's failures are lost on the way to its parent",
        "simulator/measure.py",
        "        self.failures[what] += 1\n",
        "        self.failures[what] = 1\n",
        (f"{COMMANDS}::test_the_failures_of_every_worker_are_told",),
    ),
    PythonMutant(
        "errors > x% never holds",
        "simulator/thresholds.py",
        "count = sum(recorder.failures.values())",
        "count = 0",
        JUDGING,
    ),
    PythonMutant(
        "an unknown fate does not leave its worker",
        "simulator/session.py",
        "unresolved=self.unresolved",
        "unresolved=[]",
        (f"{DRIVING}::test_a_worker_brings_its_unknown_fates_home",),
    ),
    # What is compared
    PythonMutant(
        "a debt that differs at the end is not seen",
        "simulator/books.py",
        'self._compare(book, card_id, "debt at the end", told[card_id][1], debt)',
        "pass",
        BOOKS,
    ),
    PythonMutant(
        "a balance that differs at the end is not seen",
        "simulator/books.py",
        'self._compare(book, card_id, "balance at the end", told[card_id][0], balance)',
        "pass",
        BOOKS,
    ),
    PythonMutant(
        "a card that the service does not list is not missed",
        "simulator/books.py",
        'self.differ(book, card_id, "card", "missing", "listed")',
        "pass",
        BOOKS,
    ),
    PythonMutant(
        "a debt that is read is not compared",
        "simulator/books.py",
        'self._compare(book, book.card_id, "debt", told.get("debt"), account.debt)',
        "pass",
        BOOKS,
    ),
    PythonMutant(
        "the outcome of a tap is not compared",
        "simulator/books.py",
        'self._compare(book, tap.card_id, "outcome of a tap", outcome, decision.outcome)',
        "pass",
        BOOKS,
    ),
    PythonMutant(
        "the fare of a trip is not compared",
        "simulator/books.py",
        'told["fare"], decision.fare)',
        "0, 0)",
        BOOKS,
    ),
    PythonMutant(
        "totals are compared as they are and not by their growth",
        "simulator/books.py",
        "after[name] - before[name]",
        "after[name]",
        BOOKS,
    ),
    PythonMutant(
        "what only the rider has is not told",
        "simulator/books.py",
        'lines += [f"only the rider has: {describe_entry(*entry)}" for entry in ours]',
        "pass",
        BOOKS,
    ),
    PythonMutant(
        "a replayed tap may be answered otherwise",
        "simulator/actor.py",
        "again.status != first.status or strip(again) != strip(first)",
        "again.status != first.status",
        (f"{DRIVING}::test_a_repeated_tap_that_is_answered_otherwise_differs",),
    ),
    # Asking again
    PythonMutant(
        "what has no key is sent again after its connection broke",
        "simulator/asking.py",
        "if not money:\n                    self._give_up(endpoint, str(error), intended)",
        "if False:\n                    self._give_up(endpoint, str(error), intended)",
        ASKING,
    ),
    PythonMutant(
        "money is not asked again after a 503",
        "simulator/asking.py",
        "answer.status != 503 or not money",
        "True",
        ASKING,
    ),
    PythonMutant(
        "what has no key is sent again after a 503",
        "simulator/asking.py",
        "answer.status != 503 or not money",
        "answer.status != 503",
        ASKING,
    ),
    PythonMutant(
        "money is asked again without its key",
        "simulator/asking.py",
        "            lose = False\n",
        "            lose, headers = False, None\n",
        ASKING,
    ),
    PythonMutant(
        "money that is never answered is forgotten",
        "simulator/asking.py",
        'self.unresolved.append(f"{method} {path} key {key}: {trouble}")',
        "pass",
        ASKING,
    ),
    PythonMutant(
        "an answer that no client should see is no failure",
        "simulator/asking.py",
        "if outcome not in EXPECTED_REFUSALS:",
        "if False:",
        ASKING,
    ),
    PythonMutant(
        "half an answer is an answer",
        "simulator/client.py",
        "if self.head and self.length == -1 and exc is None:",
        "if self.head and exc is None:",
        CLIENT,
    ),
    PythonMutant(
        "a connection that the service closes is used again",
        "simulator/client.py",
        'b"\\r\\nconnection: close" in lower or ',
        "",
        CLIENT,
    ),
    # What is measured
    PythonMutant(
        "latency counts from the departure",
        "simulator/drive.py",
        "self._perform(departure, intended))",
        "self._perform(departure, monotonic()))",
        (f"{DRIVING}::test_latency_counts_from_the_intended_start_and_the_lag_is_told",),
    ),
    PythonMutant(
        "the send lag is always 0",
        "simulator/drive.py",
        "max(0.0, offset - departure.due)",
        "0.0",
        (f"{DRIVING}::test_latency_counts_from_the_intended_start_and_the_lag_is_told",),
    ),
    PythonMutant(
        "what has no answer at the end is forgotten",
        "simulator/drive.py",
        'self.actor.asker.unresolved.append("a request that had no answer at the end")',
        "pass",
        (f"{DRIVING}::test_what_has_no_answer_at_the_end_has_an_unknown_fate",),
    ),
    PythonMutant(
        "dropped work is not counted",
        "simulator/drive.py",
        "self.recorder.dropped[departure.what] += 1",
        "pass",
        (f"{DRIVING}::test_what_is_beyond_the_limit_in_flight_is_dropped_and_counted",),
    ),
    PythonMutant(
        "a defect of the simulator is hidden",
        "simulator/drive.py",
        'self.recorder.failed(f"simulator: {error!r}", 0.0)',
        "pass",
        (f"{DRIVING}::test_a_defect_of_the_simulator_is_never_hidden",),
    ),
    PythonMutant(
        "percentiles are 3 % off",
        "simulator/measure.py",
        "float(histogram.get_value_at_percentile(percentile)) / 1000",
        "float(histogram.get_value_at_percentile(percentile)) / 970",
        JUDGING,
    ),
    PythonMutant(
        "percentiles of the live view are 3 % off",
        "simulator/measure.py",
        "ranked[rank] / 1000",
        "ranked[rank] / 970",
        JUDGING,
    ),
    PythonMutant(
        "a run that dropped work is not spoiled",
        "simulator/measure.py",
        "        if self.dropped:\n",
        "        if False:\n",
        JUDGING,
    ),
    # Workers
    PythonMutant(
        "a reload whose new workers do not start stops the old ones",
        "transit_api/process/supervisor.py",
        "if not self._wait_until_ready(new):",
        "if False:",
        (f"{SERVING}::test_reload_whose_new_workers_do_not_start_keeps_the_old_ones",),
    ),
    PythonMutant(
        "workers that die are started again without a pause",
        "transit_api/process/supervisor.py",
        "self._start_next_at = now + self._back_off",
        "self._start_next_at = now",
        ("platform/test_supervisor.py",),
    ),
    PythonMutant(
        "the pause before a restart never grows",
        "transit_api/process/supervisor.py",
        "min(self._back_off * 2, LAST_BACK_OFF_S)",
        "FIRST_BACK_OFF_S",
        ("platform/test_supervisor.py",),
    ),
    PythonMutant(
        "the pause before a restart has no end",
        "transit_api/process/supervisor.py",
        "min(self._back_off * 2, LAST_BACK_OFF_S)",
        "self._back_off * 2",
        ("platform/test_supervisor.py",),
    ),
    PythonMutant(
        "a worker that never gets ready is waited for",
        "transit_api/process/supervisor.py",
        "if not worker.ready and now - worker.started_at > START_LIMIT_S:",
        "if False:",
        ("platform/test_supervisor.py",),
    ),
    PythonMutant(
        "gauges of dead workers stay",
        "transit_api/process/supervisor.py",
        "mark_process_dead(worker.process.pid, str(self._metrics))",
        "str(self._metrics)",
        (f"{SERVING}::test_gauges_of_a_worker_that_died_are_gone",),
    ),
    PythonMutant(
        "a dead worker is not replaced",
        "transit_api/process/supervisor.py",
        "if missing and now >= self._start_next_at:",
        "if False:",
        (f"{SERVING}::test_killed_worker_is_replaced", "platform/test_supervisor.py"),
    ),
    PythonMutant(
        "a second SIGTERM waits like the first",
        "transit_api/process/supervisor.py",
        "self._hurried = self._stopping",
        "self._hurried = False",
        (f"{SERVING}::test_stop_asked_twice_does_not_wait",),
    ),
    PythonMutant(
        "a stopping worker still says that it is ready",
        "transit_api/process/worker.py",
        "app[DRAINING].active = True",
        "pass",
        (f"{SERVING}::test_stopping_worker_is_not_ready_but_alive",),
    ),
    PythonMutant(
        "a stop drops the rest of a body that is still arriving",
        "transit_api/process/worker.py",
        "return connection._current_request is not None or ",
        "return connection._current_request is None or ",
        (f"{SERVING}::test_stop_waits_for_a_body_that_arrives_after_the_grace_period",),
    ),
    PythonMutant(
        "children outlive their parent",
        "transit_api/process/processes.py",
        "_LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)",
        "pass",
        (f"{SERVING}::test_workers_end_when_their_parent_is_killed",),
    ),
    # Metrics and logs
    PythonMutant(
        "counts are added again at each flush",
        "transit_api/observe/metrics.py",
        "counted.clear()",
        "pass",
        (f"{METRICS}::test_count_is_told_once_however_often_it_is_flushed",),
    ),
    PythonMutant(
        "observations are added again at each flush",
        "transit_api/observe/metrics.py",
        "self._counts = [0] * len(self._counts)",
        "pass",
        (f"{METRICS}::test_histogram_says_what_was_observed",),
    ),
    PythonMutant(
        "every unknown path has a label of its own",
        "transit_api/http/middleware.py",
        "request.method, UNMATCHED",
        "request.method, request.path",
        (f"{METRICS}::test_paths_that_nobody_serves_share_one_label",),
    ),
    PythonMutant(
        "the log does not say why a request was refused",
        "transit_api/http/middleware.py",
        "answer.status, seconds, code, card_id, trip_id)",
        "answer.status, seconds, None, card_id, trip_id)",
        (f"{METRICS}::test_log_line_of_a_refusal_names_its_code",),
    ),
    PythonMutant(
        "refusals are not counted by their code",
        "transit_api/observe/metrics.py",
        "self._refused[route, code] += 1",
        "pass",
        (f"{METRICS}::test_count_is_told_once_however_often_it_is_flushed",),
    ),
    PythonMutant(
        "a chore works off its whole backlog in one round",
        "transit_api/process/upkeep.py",
        "for _ in range(ROUNDS):",
        "while True:",
        (f"{METRICS}::test_backlog_is_worked_off_in_bounded_rounds",),
    ),
    PythonMutant(
        "the directory of another parent's metrics is cleared",
        "transit_api/observe/metrics_directory.py",
        "        except BlockingIOError:\n            return False\n",
        "        except BlockingIOError:\n            return True\n",
        ("platform/test_metrics_directory.py",),
    ),
    # The cache
    PythonMutant(
        "refreshed copies count again and again, until nothing fits",
        "transit_api/cache/cache.py",
        "len(copy.body) - (len(old.body) if old else 0)",
        "len(copy.body)",
        (f"{CACHE}::test_refreshes_of_one_copy_do_not_fill_the_room_for_others",),
    ),
    PythonMutant(
        "copies leave Redis at their ttl",
        "transit_api/cache/cache.py",
        "(copy.stale_until - time.monotonic()) * 1000",
        "(copy.fresh_until - time.monotonic()) * 1000",
        (f"{CACHE}::test_copy_stays_in_redis_as_long_as_it_may_be_served_stale",),
    ),
    PythonMutant(
        "three single failures in a year open the breaker",
        "transit_api/cache/cache.py",
        "        self._failures = 0\n        return unpack(",
        "        return unpack(",
        (f"{CACHE}::test_failures_far_apart_do_not_open_the_breaker",),
    ),
    PythonMutant(
        "the breaker never closes again",
        "transit_api/cache/cache.py",
        "        self._failures = 0\n        self._probe = None\n",
        "        self._failures = 0\n",
        (f"{CACHE}::test_restarted_empty_redis_is_used_again",),
    ),
    PythonMutant(
        "a hit may be stale",
        "transit_api/cache/cache.py",
        "if now <= copy.fresh_until:",
        "if now <= copy.stale_until:",
        (f"{CACHE}::test_no_hit_is_older_than_its_family_allows",),
    ),
    PythonMutant(
        "the age of a copy begins when its load ended",
        "transit_api/cache/cache.py",
        "loaded=started, fresh_for_s",
        "loaded=time.monotonic(), fresh_for_s",
        (f"{CACHE}::test_age_includes_the_time_of_the_load",),
    ),
    PythonMutant(
        "each reader of an expired copy loads for himself",
        "transit_api/cache/cache.py",
        "            self._loads[key] = filling\n",
        "            pass\n",
        (f"{CACHE}::test_expiry_under_a_thousand_reads_makes_one_load",),
    ),
    # Lines
    PythonMutant(
        "a line that stands refuses nobody",
        "transit_api/database/batching.py",
        "now - self._queue[0][0] > STANDING_LINE_S",
        "False",
        (f"{BATCHING}::test_line_that_stands_refuses_who_comes_overloaded",),
    ),
    PythonMutant(
        "the second in line waits without bound",
        "transit_api/database/batching.py",
        "self._sweep = loop.call_at(self._queue[0][0] + LONGEST_WAIT_S, self._expire)",
        "pass",
        (f"{BATCHING}::test_wait_of_each_in_line_is_bounded_and_not_of_the_first_alone",),
    ),
    PythonMutant(
        "a line has no end",
        "transit_api/database/batching.py",
        "len(self._queue) >= self._queue_limit",
        "False",
        (f"{BATCHING}::test_full_queue_refuses_overloaded",),
    ),
    PythonMutant(
        "a call is made again after an error without a code",
        "transit_api/database/batching.py",
        "isinstance(error, psycopg2.Error) and error.pgcode is not None",
        "isinstance(error, psycopg2.Error)",
        (f"{BATCHING}::test_defect_on_our_side_is_not_asked_again",),
    ),
    PythonMutant(
        "answers go to the elements in the order of the rows",
        "transit_api/database/batching.py",
        'answers[row["ref"]] = row',
        "answers[answers.index(None)] = row",
        (f"{BATCHING}::test_what_arrives_during_a_call_rides_in_the_next_one",),
    ),
    # The database
    PythonMutant(
        "deadlocks are not repeated",
        "transit_api/database/sqlstates.py",
        '"40002": (D, "a deferred constraint that a function should have kept"),',
        '"40002": (D, "a deferred constraint that a function should have kept"),\n'
        '    "40P01": (D, "a deadlock"),',
        (f"{DB}::test_call_is_repeated_once_when_it_was_rolled_back_for_no_fault_of_its_own",),
    ),
    PythonMutant(
        "a write is sent again after its connection broke",
        "transit_api/database/pools.py",
        "_repeat_if_rolled_back(self.writes, sql, params)",
        "self._read(sql, params)",
        (f"{DB}::test_write_is_not_sent_again_after_its_connection_broke",),
    ),
    PythonMutant(
        "a call whose connection broke is sent again",
        "transit_api/database/pools.py",
        "except psycopg2.Error as error:\n"
        "        if meaning_of(error) not in (Meaning.LOST_RACE, Meaning.REBUILT):\n"
        "            raise\n"
        '        log.warning("a call was rolled back with %s and is repeated", error.pgcode)\n',
        "except (psycopg2.Error, ConnectionLost):\n        pass\n",
        (f"{DB}::test_write_is_not_sent_again_after_its_connection_broke",),
    ),
    PythonMutant(
        "a read whose connection broke is not asked again",
        "transit_api/database/pools.py",
        "        except ConnectionLost:\n",
        "        except ZeroDivisionError:\n",
        (f"{DB}::test_read_is_asked_again_when_its_connection_had_died",),
    ),
    PythonMutant(
        "any number of calls waits for a connection",
        "transit_api/database/pools.py",
        "if self.waiting >= self.size * WAITERS_PER_CONNECTION:",
        "if False:",
        (f"{DB}::test_calls_beyond_those_that_may_wait_are_refused_at_once",),
    ),
    # On the wire
    PythonMutant(
        "a client that waits to be asked for its body is not asked",
        "transit_api/http/aiohttp_errors.py",
        'await request.writer.write(b"HTTP/1.1 100 Continue\\r\\n\\r\\n")',
        "pass",
        (f"{WIRE}::test_body_that_waits_to_be_asked_for_is_asked_for",),
    ),
    PythonMutant(
        "Connection: close is answered as kept",
        "transit_api/http/answers.py",
        "            or not request.keep_alive\n",
        "",
        (f"{WIRE}::test_connection_is_closed_for_a_client_that_says_so",),
    ),
    PythonMutant(
        "HTTP/1.0 is answered in HTTP/1.1",
        "transit_api/http/answers.py",
        "            or request.version != HttpVersion11\n",
        "",
        (f"{WIRE}::test_old_clients_are_answered_in_their_version",),
    ),
    PythonMutant(
        "HEAD is answered with a body",
        "transit_api/http/answers.py",
        "            or request.method == hdrs.METH_HEAD\n",
        "",
        (f"{WIRE}::test_head_of_an_answer_comes_without_its_body",),
    ),
    # Servers, network, backup
    PythonMutant(
        "whatever has the number of a dead cache is ended",
        "transit_api/local/embedded.py",
        'return str(run / "valkey.sock") in " ".join(process.cmdline())',
        "return True",
        ("platform/test_embedded.py::test_number_of_a_dead_cache_that_another_program_has_now",),
    ),
    PythonMutant(
        "an empty headway is never filled",
        "transit_api/database/network.py",
        "IS DISTINCT FROM ({new})",
        "<> ({new})",
        ("test_network.py::test_empty_value_is_filled_by_the_files",),
    ),
    PythonMutant(
        "stops of routes that were added by hand are deleted",
        "transit_api/database/network.py",
        "WHERE rs.route_id = ANY (%(route_ids)s)",
        "WHERE true",
        ("test_network.py::test_route_added_by_hand_keeps_its_stops",),
    ),
    PythonMutant(
        "a backup that was cut leaves half a database",
        "transit_api/database/backup.py",
        '"--single-transaction", ',
        "",
        ("faults/test_backup.py::test_restore_of_a_cut_file_leaves_the_database_empty",),
    ),
    PythonMutant(
        "everybody may read a backup",
        "transit_api/database/backup.py",
        "PRIVATE = 0o600",
        "PRIVATE = 0o644",
        ("faults/test_backup.py::test_restored_database_has_the_same_books_and_serves",),
    ),
]
