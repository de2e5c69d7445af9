#!/usr/bin/python3
"""A producer as applications write it in Python: sends each line of standard input,
{"queue": URL, "body": TEXT, "attributes": {…}, "group": TEXT, "id": TEXT}.

usage: producer.py ENDPOINT boto3|json <LINES
  boto3   the client; Debian's speaks SQS' older Query protocol
  json    the newer JSON protocol, signed by botocore
"""
import json
import sys
import urllib.request

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

endpoint, way = sys.argv[1:]
KEYS = {"aws_access_key_id": "AKIAREEVETEST", "aws_secret_access_key": "reeve-test-secret"}


def parameters_of(message):
    out = {"QueueUrl": message["queue"], "MessageBody": message["body"]}
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in message.get("attributes", {}).items()}
    if attributes:
        out["MessageAttributes"] = attributes
    if "group" in message:
        out["MessageGroupId"], out["MessageDeduplicationId"] = message["group"], message["id"]
    return out


def send_json(parameters):
    request = AWSRequest("POST", endpoint + "/", data=json.dumps(parameters).encode(), headers={
        "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.SendMessage"})
    SigV4Auth(Credentials(*KEYS.values()), "sqs", "us-east-1").add_auth(request)
    plain = urllib.request.Request(request.url, request.data, dict(request.headers))
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(plain).read()


if way == "boto3":
    client = boto3.client("sqs", region_name="us-east-1", endpoint_url=endpoint, **KEYS)
for line in sys.stdin:
    message = parameters_of(json.loads(line))
    if way == "boto3":
        client.send_message(**message)
    else:
        send_json(message)
