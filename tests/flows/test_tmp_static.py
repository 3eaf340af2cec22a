import httpx, pytest
from tests.flows.test_consent_in_browser import public_url
@pytest.mark.django_db(transaction=True)
def test_x(public_url):
    r = httpx.get(public_url + "/static/css/tokens.css", trust_env=False)
    print(r.status_code, r.headers, r.text[:600])
    assert 0
