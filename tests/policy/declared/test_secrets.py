"""What is a secret by its name, in all the ways in which headers, fields, variables and members are written."""

from __future__ import annotations

import pytest

from django_probe.policy.declared.secrets import says_secret

SECRETS = """
authorization Authorization Proxy-Authorization x-auth X-Auth-Token auth auth_token authToken AUTHTOKEN authtoken
oauth oauth2 basicAuth apikey api-key X-Api-Key ACCESS_KEY keys token tokens toKen accessToken csrfmiddlewaretoken
pass passwd password passWord passphrase passcode dbpass user_pass PGPASSWORD secret client_secret clientSecret
cookie Set-Cookie session_cookie signature credentials author_key authorToken keyword_token AUTHORIZATION_HEADER
AUTHORtoken authorkey tokens.name items[0].token.type length(tokens) cookie:name token[name] name_of_token äKEY
passes key2 2key TOKEN_NAME2
"""
OTHERS = """
author Author authors author_id authorId co-authors authority AUTHORITIES is_authenticated isAuthorized items[0].author
keyword searchKeywords keyboard_layout monkey passenger passengers_count tests.passed compass secretary
token_type tokenType TOKEN_NAME oauth_app_name oauthAppName key-name user name status items[0].stock
"""


@pytest.mark.parametrize("name", SECRETS.split())
def test_secret__by_a_word_of_its_name(name):
    """One secret word is enough, whatever stands around it, or below it; so is one that is not told from the next."""
    assert says_secret(name)


@pytest.mark.parametrize("name", OTHERS.split())
def test_no_secret__by_chance(name):
    """Words in which such letters stand by chance are none, nor is what a secret is called, or of which type it is."""
    assert not says_secret(name)
