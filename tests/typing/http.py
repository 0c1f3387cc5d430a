"""Probes over HTTP: a test case with a session, and a session by itself."""

from django_probe import probe
from django_probe.http import HttpProbe, JsonError, NoAnswerError, Response, Session


class TestShop(HttpProbe):
    def session(self) -> Session:
        return Session("https://shop.example", release=True, timeout="5s", headers={"Accept": "*/*"})

    @probe(timeout="60s")
    def test_home(self) -> None:
        response = self.http.get("/", params={"page": 1, "tag": ["a", "b"]}, follow=False, timeout=2.5)
        self.assertStatus(response, 200)
        self.assertStatus(response, ["2xx", 404], "the shop is closed")
        self.assertJson(response, {"status": "ok", "items[0].stock": "> 0"})
        self.assertWithin(response, "800ms")
        self.assertStatus(response, 2.5)  # type: ignore[arg-type]
        self.assertJson(response, ["status"])  # type: ignore[arg-type]
        self.http.get("/", folow=False)  # type: ignore[call-arg]
        self.http.post("/", data={"a": 1}, headers={"X-A": 1})  # type: ignore[dict-item]

    def test_by_itself(self) -> None:
        with Session() as http:
            response: Response = http.request("PURGE", "/", data=b"x")
            kind: str = response.headers["content-type"]
            values: tuple[str, ...] = response.headers.all("vary")
            seconds: float = response.seconds
            first: float | None = response.times.first_byte
            ends: bool = response.cut
        self.assertEqual((kind, values, seconds, first, ends), ())
        try:
            http.put("/", json={"a": [1]}).json()
        except (NoAnswerError, JsonError) as error:
            self.fail(str(error))
