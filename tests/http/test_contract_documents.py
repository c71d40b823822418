"""The documentation page: what it lacks is refused like anything else."""

from tests.http.conftest import City


async def test_file_that_the_page_does_not_have_is_a_problem_not_found(city: City) -> None:
    assert (await city.ask("HEAD", "/docs/static/swagger-ui.css")).status == 200
    for path in ("nope.js", "swagger-ui.css/", "a/b/c", "%2e%2e/__init__.py", "%00", "x" * 300):
        answer = await city.get(f"/docs/static/{path}")
        assert (answer.status, answer.code) == (404, "not_found"), path
    refused = await city.ask("POST", "/docs/static/swagger-ui.css")
    assert (refused.status, set(refused.headers["Allow"].split(","))) == (405, {"GET", "HEAD"})
